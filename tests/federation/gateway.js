// A second subgraph and a gateway over both, in one process, as a service that people would run:
// composed by @apollo/composition, answered by @apollo/gateway. One line of JSON comes in, one goes out.
import { createInterface } from "node:readline/promises";

import { composeServices } from "@apollo/composition";
import { ApolloGateway, RemoteGraphQLDataSource } from "@apollo/gateway";
import { ApolloServer } from "@apollo/server";
import { ApolloServerPluginInlineTrace } from "@apollo/server/plugin/inlineTrace";
import { startStandaloneServer } from "@apollo/server/standalone";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { parse } from "graphql";

const LOGISTICS = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])

  scalar Decimal

  type Query { shipments: [Shipment!]! }

  type Shipment @key(fields: "number") {
    number: ID!
    order: PurchaseOrder
    items: [Item]!
    from: Supplier
    to: Location
    freight: Money
  }

  type PurchaseOrder @key(fields: "id") { id: ID! shipments: [Shipment!]! }
  type Item @key(fields: "sku") { sku: String! hazardClass: String }
  type Supplier @key(fields: "code", resolvable: false) { code: String! }
  type Location @key(fields: "code", resolvable: false) { code: String! }
  type Money @shareable { amount: Decimal! currency: String! }
  type PageInfo @shareable { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
`;

function logistics(shipments) {
  return buildSubgraphSchema({
    typeDefs: parse(LOGISTICS),
    resolvers: {
      Query: { shipments: () => shipments },
      PurchaseOrder: {
        __resolveReference: ({ id }) => ({ id }),
        shipments: ({ id }) => shipments.filter(({ order }) => order?.id === id),
      },
      Item: {
        __resolveReference: ({ sku }) => ({ sku }),
        hazardClass: ({ sku }) => `class of ${sku}`,
      },
    },
  });
}

async function serve(server) {
  const context = async ({ req }) => ({ authorization: req.headers.authorization });
  return (await startStandaloneServer(server, { context, listen: { port: 0, host: "127.0.0.1" } })).url;
}

async function sdlOf(url, authorization) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization },
    body: JSON.stringify({ query: "{ _service { sdl } }" }),
  });
  return (await response.json()).data._service.sdl;
}

class Forwarding extends RemoteGraphQLDataSource {
  willSendRequest({ request, context }) {
    if (context.authorization) request.http.headers.set("authorization", context.authorization);
  }
}

// What usage reporting would send: how long each subgraph says that each of its fields took.
const traces = {
  async requestDidStart({ metrics, request }) {
    metrics.captureTraces = request.http.headers.has("x-show-traces");
    return {
      async willSendResponse({ response }) {
        const { singleResult } = response.body;
        if (metrics.captureTraces) singleResult.extensions = { plan: metrics.queryPlanTrace };
      },
    };
  },
};

async function started({ url, authorization, shipments }) {
  const second = await serve(
    new ApolloServer({ schema: logistics(shipments), plugins: [ApolloServerPluginInlineTrace()] }),
  );
  const composed = composeServices([
    { name: "supplygraph", url, typeDefs: parse(await sdlOf(url, authorization)) },
    { name: "logistics", url: second, typeDefs: parse(LOGISTICS) },
  ]);
  if (composed.errors) return { errors: composed.errors.map(({ message }) => message) };
  const gateway = new ApolloGateway({
    supergraphSdl: composed.supergraphSdl,
    buildService: (service) => new Forwarding(service),
  });
  const server = new ApolloServer({ gateway, plugins: [traces], includeStacktraceInErrorResponses: false });
  return { url: await serve(server), second, hints: composed.hints.map(({ message }) => message) };
}

const input = createInterface({ input: process.stdin });
input.on("close", () => process.exit());
input.once("line", async (line) => console.log(JSON.stringify(await started(JSON.parse(line)))));
