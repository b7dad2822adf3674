/** As much of React Native as the guide uses. */
export const AppState = {
  addEventListener(_, listener) {
    globalThis.foreground = () => listener('active');
  },
};
