// A real client of graphql-ws: prints the cursor of each event that it hears. URL TOKEN COUNT
import { createRequire } from 'node:module';
const load = createRequire(process.env.BENCH_NODE);
const { createClient } = load('graphql-ws');
const [url, token, count, query] = process.argv.slice(2);
const client = createClient({
  url, webSocketImpl: load('ws'), lazy: false,
  connectionParams: { authorization: `Bearer ${token}` },
  on: { connected: () => setTimeout(() => console.log('connected'), 300) },
});
let heard = 0;
for await (const result of client.iterate({ query })) {
  if (result.errors) { console.log(JSON.stringify(result.errors)); break; }
  console.log(result.data.purchaseOrderChanged.cursor);
  if (++heard === Number(count)) break;
}
await client.dispose();
