import sys, httpx
print(httpx.get(sys.argv[1], timeout=20).text)
