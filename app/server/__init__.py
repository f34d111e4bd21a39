"""The HTTP side: GraphQL over HTTP, GraphiQL from our own files, and health."""
