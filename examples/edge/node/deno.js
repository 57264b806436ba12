// The gateway in Deno: `deno run --allow-net --allow-env deno.js`.
import process from "node:process";
import { finish, handle } from "./gateway.js";

Deno.serve(
  {
    hostname: "127.0.0.1",
    port: Number(process.env.PORT ?? 8080),
    onListen: ({ port }) => console.log(`listening on port ${port}`),
  },
  (request) => handle(request),
);
Deno.addSignalListener("SIGTERM", async () => {
  await finish();
  Deno.exit(0);
});
