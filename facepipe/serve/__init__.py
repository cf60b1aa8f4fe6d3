"""The same verbs over HTTP, live recognition over a WebSocket, and the page.

server.py starts it, app.py puts it together, routes/ has the operations, schemas.py what they answer
guard.py lets in: door.py (who), origins.py and hosts.py (from where), limits.py (how often), keys.py, sessions.py
engine.py does the work, in batches; context.py is what a route works with; live.py and modes.py: frames in, names out
bodies.py, uploads.py, intake.py: what comes in; answers.py, protocol.py, access_log.py: what goes out; page/: the page
"""
