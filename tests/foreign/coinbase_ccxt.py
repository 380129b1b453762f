#!/usr/bin/env python3
"""ccxt's `coinbase`, REST and WebSocket, against the local Coinbase.

Shows that the best-known client of many venues, written by others and for the real venue, loads its markets, trades and
streams against the simulator, with its own tokens. Prints one line per step and exits non-zero at the first that does not
hold.

Usage:
    python3 -m venv venv && venv/bin/pip install ccxt
    exchange-connectors sim --dir DIR &            # wait for its line of JSON
    . DIR/credentials.env
    venv/bin/python tests/foreign/coinbase_ccxt.py

Reads COINBASE_API_KEY, COINBASE_API_SECRET, COINBASE_REST_URL, COINBASE_WS_URL and EXCHANGE_CONNECTORS_CA_FILE, and refuses
to run against anything but localhost. Certificates are verified. Nothing is told to ccxt but the addresses.
"""

import asyncio
import os
import sys
import time
from urllib.parse import urlparse

ca_file = os.environ["EXCHANGE_CONNECTORS_CA_FILE"]
os.environ["REQUESTS_CA_BUNDLE"] = ca_file

import ccxt  # noqa: E402  (the CA has to be known first)
import ccxt.pro  # noqa: E402

KEY, SECRET = os.environ["COINBASE_API_KEY"], os.environ["COINBASE_API_SECRET"].replace("\\n", "\n")
REST, STREAM = os.environ["COINBASE_REST_URL"], os.environ["COINBASE_WS_URL"]
for url in (REST, STREAM):
    assert urlparse(url).hostname == "localhost", f"not a simulator: {url}"

SYMBOL, OTHER, SIZE = "BTC/USD", "ETH/USD", 0.001
WAIT_S = 20


def step(name, detail=""):
    print(f"ok  {name:<40} {detail}", flush=True)


def check(holds, what):
    """Ends the script unless `holds`."""
    if not holds:
        sys.exit(f"FAILED: {what}")


def expect(error, call):
    """The call must end in that error of ccxt's; gives its text."""
    try:
        call()
    except error as refused:
        return str(refused)
    sys.exit(f"FAILED: {error.__name__} was not raised")


def until(what, condition):
    deadline = time.monotonic() + WAIT_S
    while not (held := condition()):
        check(time.monotonic() < deadline, what)
        time.sleep(0.1)
    return held


def point(exchange):
    """ccxt at the local venue."""
    exchange.urls["api"].update(rest=REST, ws=STREAM)
    return exchange


def client(**other):
    return point(ccxt.coinbase({"apiKey": KEY, "secret": SECRET, "requests_trust_env": True, **other}))


def market_part(exchange):
    markets, tickers = exchange.load_markets(), exchange.fetch_tickers()
    market = exchange.market(SYMBOL)
    check(abs(exchange.fetch_time() / 1000 - time.time()) < 5, "the venue's time")
    check(market["precision"]["price"] == 0.01 and set(tickers) == set(markets), "markets and tickers")
    step("markets, currencies, time", f"{len(markets)} markets, {len(exchange.currencies)} currencies")
    ticker, best = exchange.fetch_ticker(SYMBOL), exchange.fetch_bids_asks([SYMBOL])[SYMBOL]
    book = exchange.fetch_order_book(SYMBOL, 5)
    check(best["bid"] < best["ask"] and book["bids"][0][0] < book["asks"][0][0] and len(book["asks"]) == 5, "book")
    check(exchange.fetch_trades(SYMBOL) and exchange.fetch_ohlcv(SYMBOL, "1h"), "trades and candles")
    step("ticker, best bid and ask, book, trades", f"{ticker['bid']} / {ticker['ask']}")
    return ticker["bid"], ticker["ask"]


def order_part(exchange, bid, ask):
    far, high = round(bid * 0.9, 2), round(ask * 1.1, 2)
    balance, fee = exchange.fetch_balance(), exchange.fetch_trading_fees()[SYMBOL]
    check(balance["USD"]["total"] > 0 and balance["BTC"]["total"] > 0 and fee["taker"] > fee["maker"] > 0, "balance, fees")
    check(exchange.fetch_balance({"v3": True})["USD"]["free"] <= balance["USD"]["total"], "balance of this API")
    check({"USD", "BTC"} <= {a["code"] for a in exchange.fetch_accounts()} and exchange.fetch_portfolios(), "accounts")
    step("balance, fees, accounts, portfolios", f"{balance['USD']['total']} USD")
    order = exchange.create_order(SYMBOL, "limit", "buy", SIZE, far, {"postOnly": True})
    check(exchange.fetch_order(order["id"])["status"] == "open", "rests")
    exchange.edit_order(order["id"], SYMBOL, "limit", "buy", 2 * SIZE, far)
    until("the edit", lambda: [o["amount"] for o in exchange.fetch_open_orders(SYMBOL) if o["id"] == order["id"]] == [2 * SIZE])
    exchange.cancel_order(order["id"])
    until("the cancel", lambda: exchange.fetch_order(order["id"])["status"] == "canceled")
    step("limit: place, read, edit, list, cancel", order["id"])
    bought = exchange.create_market_buy_order_with_cost(SYMBOL, 100)
    sold = exchange.create_order(SYMBOL, "market", "sell", SIZE)
    exchange.create_order(SYMBOL, "limit", "buy", SIZE, high, {"timeInForce": "IOC"})
    traded = until("the fills", lambda: [t for t in exchange.fetch_my_trades(SYMBOL) if t["order"] == sold["id"]])
    check(sum(t["amount"] for t in traded) == SIZE and all(t["fee"]["cost"] > 0 for t in traded), f"fills {traded}")
    check(exchange.fetch_order(bought["id"])["status"] == "closed", "filled")
    step("market by cost and by size, IOC", f"sold at {traded[0]['price']}, fee {traded[0]['fee']['cost']}")
    for kind in ({"stopLossPrice": far}, {"takeProfitPrice": high}):
        exchange.create_order(SYMBOL, "limit", "sell", SIZE, next(iter(kind.values())), kind)
    waiting = [o["id"] for o in exchange.fetch_open_orders(SYMBOL)]
    check(len(exchange.cancel_orders(waiting)) == 2, "both wait for their trigger")
    step("stop loss and take profit", "wait, and are cancelled together")
    expect(ccxt.ExchangeError, lambda: exchange.create_order(SYMBOL, "limit", "buy", SIZE, high, {"postOnly": True}))
    expect(ccxt.InsufficientFunds, lambda: exchange.create_order(SYMBOL, "limit", "buy", 50, far))
    expect(ccxt.BadRequest, lambda: exchange.cancel_order(order["id"]))
    expect(ccxt.AuthenticationError, lambda: client(apiKey=KEY[:-4] + "0000").fetch_portfolios())
    step("refusals as its own errors")


async def stream_part(bid):
    exchange = point(ccxt.pro.coinbase({"apiKey": KEY, "secret": SECRET, "cafile": ca_file}))
    within = lambda awaitable: asyncio.wait_for(awaitable, WAIT_S)  # noqa: E731
    try:
        await exchange.load_markets()
        ticker = await within(exchange.watch_ticker(SYMBOL))
        tickers = await within(exchange.watch_tickers([SYMBOL, OTHER]))
        trades = await within(exchange.watch_trades(SYMBOL))
        for _ in range(20):
            book = await within(exchange.watch_order_book(SYMBOL))
            check(book["bids"][0][0] < book["asks"][0][0], "the book is crossed")
        check(trades and tickers and ticker["high"] >= ticker["last"] >= ticker["low"], f"ticker {ticker}")
        step("watch ticker, tickers, trades, book", f"last {ticker['last']}, {len(book['bids'])} bids")
        states = []

        async def watch():
            while True:
                states.extend((o["id"], o["status"]) for o in await exchange.watch_orders(SYMBOL))

        async def told(order, status):
            while (order["id"], status) not in states:
                await asyncio.sleep(0.05)

        watching = asyncio.ensure_future(watch())
        await asyncio.sleep(0.5)
        order = await exchange.create_order(SYMBOL, "limit", "buy", SIZE, round(bid * 0.9, 2))
        await within(told(order, "open"))
        await exchange.cancel_order(order["id"])
        await within(told(order, "canceled"))
        watching.cancel()
        step("watch orders", " ".join(status for one, status in states if one == order["id"]))
    finally:
        await exchange.close()


def main():
    exchange = client()
    bid, ask = market_part(exchange)
    order_part(exchange, bid, ask)
    asyncio.run(stream_part(bid))


main()
