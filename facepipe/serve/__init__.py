"""The same verbs over HTTP, live recognition over a WebSocket, and the page."""
