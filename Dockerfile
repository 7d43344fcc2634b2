# One image for every role: `docker run … onsale` serves, `docker run … onsale migrate` migrates.
# Configuration comes from the environment alone (.env.example); DATABASE_URL is required.

FROM oven/bun:1.4.5-slim AS packages
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
# Without the embedded PostgreSQL and the tools, which are for development, and without peers, which here are
# types and a compiler: 53 MB instead of 240.
RUN bun install --frozen-lockfile --production --omit=peer

FROM oven/bun:1.4.5-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY sql sql
COPY src src
USER bun
EXPOSE 3000
# /ready, not /health: a database that is away must not restart processes that still serve cached reads.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
  CMD ["bun", "-e", "const r = await fetch(`http://127.0.0.1:${process.env.PORT || 3000}/ready`); process.exit(r.ok ? 0 : 1)"]
# In exec form Bun is process 1 and gets SIGTERM itself: it drains in order and ends within 10 s. With `serve
# --processes` its only children are the processes it waits for, so there is nothing else to reap.
ENTRYPOINT ["bun", "src/main.ts"]
CMD ["serve"]
