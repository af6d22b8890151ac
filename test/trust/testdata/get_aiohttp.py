import asyncio, sys, aiohttp

async def main():
    async with aiohttp.ClientSession() as session, session.get(sys.argv[1]) as answer:
        print(await answer.text())

asyncio.run(main())
