/** Asks for a token or an API key. It is kept in the memory of the page: a reload asks again. */
import { useEffect, useRef } from 'preact/hooks';

export function SignIn({ refusal, submit }: { refusal: string | undefined; submit: (secret: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const sent = (event: SubmitEvent): void => {
    event.preventDefault();
    const secret = input.current?.value.trim();
    if (secret) submit(secret);
  };
  return (
    <form class="card sign-in" onSubmit={sent}>
      <h1>Sign in</h1>
      <p>
        A token with the scope <code>presence:read</code>, or an API key of it. With <code>presence:admin</code> you can
        also end sessions and set limits.
      </p>
      <label for="secret">Token or API key</label>
      <input id="secret" ref={input} type="password" autocomplete="off" required aria-describedby="kept" />
      {refusal && (
        <p class="error" role="alert">
          {refusal}
        </p>
      )}
      <button type="submit" class="primary">
        Sign in
      </button>
      <p class="note" id="kept">
        Kept in the memory of this page only: a reload asks again.
      </p>
    </form>
  );
}
