// The gateway in Bun: `bun bun.js`.
import { finish, handle } from "./gateway.js";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env.PORT ?? 8080),
  fetch: (request) => handle(request),
});
console.log(`listening on port ${server.port}`);
process.on("SIGTERM", async () => {
  await finish();
  process.exit(0);
});
