# Two stages: build with all dependencies, run with those of production. Debian 13, as the binary of uWebSockets.js for
# Node 22 needs glibc 2.38: on Debian 12 sockets would be served by ws.
FROM node:22-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json tsconfig.client.json tsconfig.dashboard.json LICENSE ./
COPY presence-core presence-core
COPY gateway gateway
COPY bench bench
COPY tests/support tests/support
COPY tests/tools tests/tools
RUN npm run build && npm prune --omit=dev
# Binaries for other platforms and versions of Node (250 MB), and what better-sqlite3 was compiled from.
RUN find node_modules -path '*/uWebSockets.js/uws_*.node' \
      ! -name "uws_$(node -p '[process.platform, process.arch, process.versions.modules].join("_")').node" -delete \
    && cd node_modules/better-sqlite3 && rm -rf deps src build/Release/obj* build/Release/sqlite3.a build/Release/test_*

FROM node:22-trixie-slim
WORKDIR /app
ENV NODE_ENV=production
COPY LICENSE ./
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist/presence-core dist/presence-core
COPY --from=build /app/dist/gateway dist/gateway
# The default history is data/presence.db: without a folder that its user may write there is none.
RUN mkdir data && chown node:node data
USER node
VOLUME /app/data
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.HTTP_PORT || 8081) + '/livez').then((reply) => process.exit(reply.ok ? 0 : 1), () => process.exit(1))"]
# Beyond loopback authentication must be stated: -e AUTH=jwt with a key, or -e AUTH=off behind something that checks.
ENV HOST=0.0.0.0
# exec form: SIGTERM reaches the process, which then drains.
CMD ["node", "dist/gateway/main.js"]
