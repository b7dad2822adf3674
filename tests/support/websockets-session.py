"""Plays one session with Debian's python3-websockets: argv is the URL, the subprotocol and the messages as JSON.

Waits for an answer to each message but the last, which ends the session. Prints what it saw as JSON.
"""

import asyncio
import json
import sys

import websockets


async def play(url, subprotocol, messages):
    frames = []
    async with websockets.connect(url, subprotocols=[subprotocol]) as socket:
        for message in messages[:-1]:
            await socket.send(json.dumps(message))
            frames.append(json.loads(await socket.recv()))
        await socket.send(json.dumps(messages[-1]))
        await socket.wait_closed()
        close = {"code": socket.close_code, "reason": socket.close_reason}
        return {"subprotocol": socket.subprotocol, "frames": frames, "close": close}


print(json.dumps(asyncio.run(play(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))))
