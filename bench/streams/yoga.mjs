// Subscriptions in graphql-yoga over graphql-ws, as its manual writes them. POST /events makes events.
import http from 'node:http';
import { createRequire } from 'node:module';
const load = createRequire(process.env.BENCH_NODE);
const { createSchema, createYoga, createPubSub, pipe, filter } = load('graphql-yoga');
const { useServer } = load('graphql-ws/use/ws');
const { WebSocketServer } = load('ws');
const orders = Number(process.env.BENCH_ORDERS), suppliers = Number(process.env.BENCH_SUPPLIERS);
const pubSub = createPubSub();
const schema = createSchema({
  typeDefs: `
    type Query { here: Boolean }
    type Order { number: String! }
    type Changed { cursor: String! status: String! previousStatus: String purchaseOrder: Order! }
    input Filter { supplier: [String!] }
    type Subscription { purchaseOrderChanged(filter: Filter): Changed! }`,
  resolvers: {
    Subscription: {
      purchaseOrderChanged: {
        subscribe: (_, { filter: f }) =>
          pipe(pubSub.subscribe('changed'), filter((c) => !f?.supplier || f.supplier.includes(c.of))),
        resolve: (changed) => changed,
      },
    },
  },
});
const yoga = createYoga({ schema, logging: false, graphiql: false });
const server = http.createServer((request, response) => {
  if (request.url !== '/events') return yoga(request, response);
  let body = '';
  request.on('data', (part) => (body += part));
  request.on('end', () => {
    for (const n of JSON.parse(body))
      pubSub.publish('changed', {
        cursor: `MTpwdXJjaGFzZV9vcmRlcjo${String(n).padStart(6, '0')}`,
        status: 'ACKNOWLEDGED', previousStatus: 'SENT', of: `C-${n % suppliers}`,
        purchaseOrder: { number: `PO-${String((n % orders) + 1).padStart(5, '0')}` },
      });
    response.writeHead(204).end();
  });
});
const sockets = new WebSocketServer({ server, path: yoga.graphqlEndpoint });
useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    onSubscribe: async (ctx, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...ctx, req: ctx.extra.request, socket: ctx.extra.socket, params,
      });
      const args = {
        schema, operationName: params.operationName, document: parse(params.query),
        variableValues: params.variables, contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(args.schema, args.document);
      return errors.length ? errors : args;
    },
  },
  sockets,
);
server.listen(Number(process.env.PORT), '127.0.0.1', 2048);
