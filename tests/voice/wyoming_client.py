"""What a voice pipeline does, with the protocol's own client. Prints what came as JSON.

    wyoming_client.py URI describe
    wyoming_client.py URI conversations HOW_MANY AT_ONCE
    wyoming_client.py URI recognize TEXT

Must not judge: the test that starts it does.
"""

import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "cache" / "wyoming"))

# pylint: disable=wrong-import-position
from wyoming.asr import Transcript
from wyoming.client import AsyncClient
from wyoming.info import Describe, Info
from wyoming.intent import Recognize
from wyoming.ping import Ping, Pong

LAST = {"handled-stop", "not-handled", "intent", "intents-stop", "not-recognized", "error"}


async def read_all(client):
    """The events of one answer, to its last."""
    events = []
    while True:
        event = await asyncio.wait_for(client.read_event(), 30)
        if event is None:
            raise ConnectionError(f"the daemon closed the connection after {events}")
        events.append(event)
        several = any(e.type == "intents-start" for e in events)
        if event.type in LAST and not (several and event.type == "intent"):
            return events


async def describe(uri):
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        info = Info.from_event(await client.read_event())
        await client.write_event(Ping(text="there?").event())
        pong = Pong.from_event(await client.read_event())
    return {"info": info.to_dict(), "pong": pong.text}


async def say(uri, conversation, text):
    """One turn, as Home Assistant does it: a connection of its own."""
    async with AsyncClient.from_uri(uri) as client:
        said = Transcript(text, language="en", context={"conversation_id": conversation})
        await client.write_event(said.event())
        events = await read_all(client)
    kinds = [event.type for event in events]
    chunks = "".join(event.data["text"] for event in events if event.type == "handled-chunk")
    whole = next((e for e in events if e.type in ("handled", "not-handled", "error")), events[-1])
    return {
        "kinds": kinds,
        "chunks": chunks,
        "text": whole.data.get("text"),
        "context": (whole.data.get("context") or {}).get("conversation_id"),
    }


async def conversations(uri, how_many, at_once):
    free = asyncio.Semaphore(at_once)

    async def one(number):
        conversation = f"conversation-{number}"
        degrees = 18 + number % 9
        async with free:
            return [
                await say(uri, conversation, text)
                for text in (
                    f"set the driver's side to {degrees} degrees",
                    "and the passenger's side too",
                    "say that again",
                )
            ]

    return await asyncio.gather(*(one(number) for number in range(how_many)))


async def recognize(uri, text):
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Recognize(text, context={"conversation_id": "r"}).event())
        return [event.to_dict() for event in await read_all(client)]


def main():
    uri, what, *rest = sys.argv[1:]
    if what == "describe":
        found = asyncio.run(describe(uri))
    elif what == "conversations":
        found = asyncio.run(conversations(uri, int(rest[0]), int(rest[1])))
    else:
        found = asyncio.run(recognize(uri, *rest))
    json.dump(found, sys.stdout)


main()
