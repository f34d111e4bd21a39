"""GraphQL over WebSocket: two subprotocols, made for results that go to thousands."""
