#!/usr/bin/env python3
"""The two best-known foreign clients, python-binance and ccxt, against the local Binance.US.

Shows that clients written by others, for the real venue, trade and stream against the simulator: REST, market streams,
user stream and WebSocket API, with their own signing. Prints one line per step and exits non-zero at the first that does
not hold.

Usage:
    python3 -m venv venv && venv/bin/pip install python-binance ccxt
    exchange-connectors sim --dir DIR &            # wait for its line of JSON
    . DIR/credentials.env
    venv/bin/python tests/foreign/binance_us_sdk.py

With `sim --binance-us-bnb-price 500` fees are taken in a third asset: give its name, `binance_us_sdk.py BNB`.

Reads BINANCE_US_API_KEY, BINANCE_US_API_SECRET, BINANCE_US_REST_URL, BINANCE_US_STREAM_URL, BINANCE_US_WS_API_URL and
EXCHANGE_CONNECTORS_CA_FILE, and refuses to run against anything but localhost. Certificates are verified. What the
clients do not know of Binance.US is told them here: all addresses, ccxt's missing one of the WebSocket API, and
python-binance's path of OCO orders, which is Binance.com's.
"""

import asyncio
import os
import ssl
import sys
import time
import uuid
from decimal import Decimal
from urllib.parse import urlparse

ca_file = os.environ["EXCHANGE_CONNECTORS_CA_FILE"]
os.environ["REQUESTS_CA_BUNDLE"] = ca_file
os.environ["SSL_CERT_FILE"] = ca_file

import ccxt  # noqa: E402  (the CA has to be known first)
import ccxt.pro  # noqa: E402
from binance import AsyncClient, BinanceSocketManager, Client  # noqa: E402
from binance.exceptions import BinanceAPIException  # noqa: E402

KEY, SECRET = os.environ["BINANCE_US_API_KEY"], os.environ["BINANCE_US_API_SECRET"]
REST, STREAM, WS_API = (os.environ[f"BINANCE_US_{n}_URL"] for n in ("REST", "STREAM", "WS_API"))
for url in (REST, STREAM, WS_API):
    assert urlparse(url).hostname == "localhost", f"not a simulator: {url}"

SYMBOL, CCXT_SYMBOL = "BTCUSD", "BTC/USD"
WAIT_S = 20
# Where fees are taken from; by default from what an order receives.
BOUGHT_FEE, SOLD_FEE = (sys.argv[1], sys.argv[1]) if len(sys.argv) > 1 else ("BTC", "USD")
TLS = ssl.create_default_context(cafile=ca_file)


def step(name, detail=""):
    print(f"ok  {name:<40} {detail}", flush=True)


def some_id():
    return uuid.uuid4().hex


def cents(price):
    return str(Decimal(price).quantize(Decimal("0.01")))


def failed(what):
    sys.exit(f"FAILED: {what}")


def expect(code, call, *arguments, **named):
    """The call must be refused with that code of the venue's; gives its message."""
    try:
        call(*arguments, **named)
    except BinanceAPIException as error:
        assert error.code == code, error
        return error.message
    failed(f"{call.__name__} was not refused with {code}")


# python-binance, REST


def rest_client():
    Client.API_URL = REST + "/api"
    return Client(KEY, SECRET, tld="us")


def market_part(client):
    assert abs(client.get_server_time()["serverTime"] / 1000 - time.time()) < 5
    info = client.get_exchange_info()
    symbol = client.get_symbol_info(SYMBOL)
    limits = {(r["rateLimitType"], r["interval"]): r["limit"] for r in info["rateLimits"]}
    assert limits[("REQUEST_WEIGHT", "MINUTE")] == 6000 and limits[("ORDERS", "SECOND")] == 100
    step("exchangeInfo", f"{len(info['symbols'])} symbols, {len(symbol['filters'])} filters on {SYMBOL}")
    book = client.get_order_book(symbol=SYMBOL, limit=5)
    bid, ask = Decimal(book["bids"][0][0]), Decimal(book["asks"][0][0])
    assert bid < ask and len(book["asks"]) == 5
    step("depth", f"{bid} / {ask}, update {book['lastUpdateId']}")
    assert client.get_recent_trades(symbol=SYMBOL) and client.get_historical_trades(symbol=SYMBOL)
    assert client.get_aggregate_trades(symbol=SYMBOL)[0]["a"]
    step("trades, historicalTrades, aggTrades")
    klines = client.get_klines(symbol=SYMBOL, interval="1m")
    assert len(klines[-1]) == 12
    average, day = client.get_avg_price(symbol=SYMBOL), client.get_ticker(symbol=SYMBOL)
    step("klines, avgPrice, ticker/24hr", f"average {average['price']}, {day['count']} trades")
    hour, both = client.get_symbol_ticker_window(symbol=SYMBOL), client.get_symbol_ticker_window(symbols='["BTCUSD","ETHUSD"]', windowSize="1h")
    assert hour["openTime"] % 60_000 == 0 and len(both) == 2 and Decimal(both[0]["highPrice"]) >= Decimal(both[0]["lowPrice"])
    assert len(client.get_all_tickers()) == len(client.get_orderbook_tickers()) == len(info["symbols"])
    step("ticker, ticker/price, ticker/bookTicker")
    weight = client.response.headers["X-MBX-USED-WEIGHT-1M"]
    assert int(weight) > 100
    step("X-MBX-USED-WEIGHT-1M", weight)
    return bid, ask


def order_part(client, bid, ask):
    far, high = cents(bid * Decimal("0.9")), cents(ask * Decimal("1.1"))
    assert client.create_test_order(symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001", price=far) == {}
    assert "LOT_SIZE" in expect(-1013, client.create_test_order, symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.000001")
    assert not client.get_open_orders(symbol=SYMBOL)
    step("order/test", "a good one and a refused one; neither is an order")

    own = some_id()
    resting = client.order_limit_buy(symbol=SYMBOL, quantity="0.001", price=far, newClientOrderId=own)
    assert resting["status"] == "NEW" and resting["clientOrderId"] == own
    assert int(client.response.headers["X-MBX-ORDER-COUNT-10S"]) >= 1
    assert client.get_order(symbol=SYMBOL, origClientOrderId=own)["orderId"] == resting["orderId"]
    assert resting["orderId"] in [o["orderId"] for o in client.get_open_orders(symbol=SYMBOL)]
    gone = client.cancel_order(symbol=SYMBOL, orderId=resting["orderId"])
    assert gone["status"] == "CANCELED" and gone["origClientOrderId"] == own != gone["clientOrderId"]
    step("LIMIT: place, read, list, cancel", str(resting["orderId"]))

    maker = client.create_order(symbol=SYMBOL, side="BUY", type="LIMIT_MAKER", quantity="0.001", price=far)
    assert client.cancel_order(symbol=SYMBOL, origClientOrderId=maker["clientOrderId"])["status"] == "CANCELED"
    step("LIMIT_MAKER: cancel by client id")
    bought = client.order_market_buy(symbol=SYMBOL, quantity="0.002")
    assert bought["status"] == "FILLED" and sum(Decimal(f["qty"]) for f in bought["fills"]) == Decimal("0.002")
    spent = client.order_market_buy(symbol=SYMBOL, quoteOrderQty="50")
    assert Decimal("48") < Decimal(spent["cummulativeQuoteQty"]) <= 50, spent
    sold = client.order_market_sell(symbol=SYMBOL, quantity="0.001")
    assert sold["status"] == "FILLED"
    step("MARKET by quantity and by quote")
    for done, asset in ((bought, BOUGHT_FEE), (spent, BOUGHT_FEE), (sold, SOLD_FEE)):
        assert {f["commissionAsset"] for f in done["fills"]} == {asset}, done
        listed = client.get_my_trades(symbol=SYMBOL, orderId=done["orderId"])
        told = {(f["tradeId"], f["commission"], f["commissionAsset"]) for f in done["fills"]}
        assert told == {(t["id"], t["commission"], t["commissionAsset"]) for t in listed}, (told, listed)
    assert Decimal(bought["fills"][0]["commission"]) > 0
    step("fees, in the reply and in myTrades", f"{bought['fills'][0]['commission']} {BOUGHT_FEE}, {sold['fills'][0]['commission']} {SOLD_FEE}")
    limit = dict(symbol=SYMBOL, side="BUY", type="LIMIT", quantity="0.001")
    assert client.create_order(**limit, timeInForce="IOC", price=high)["status"] == "FILLED"
    assert client.create_order(**limit, timeInForce="FOK", price=far)["status"] == "EXPIRED"
    step("LIMIT IOC and FOK", "filled and killed")

    waiting = [
        dict(side="SELL", type="STOP_LOSS", stopPrice=far),
        dict(side="SELL", type="STOP_LOSS_LIMIT", stopPrice=far, price=far, timeInForce="GTC"),
        dict(side="SELL", type="TAKE_PROFIT", stopPrice=high),
        dict(side="SELL", type="TAKE_PROFIT_LIMIT", stopPrice=high, price=high, timeInForce="GTC"),
        dict(side="BUY", type="STOP_LOSS_LIMIT", trailingDelta=500, price=high, timeInForce="GTC"),
    ]
    placed = [client.create_order(symbol=SYMBOL, quantity="0.001", **kind) for kind in waiting]
    shown = {o["orderId"]: o for o in client.get_open_orders(symbol=SYMBOL)}
    assert all(not shown[o["orderId"]]["isWorking"] for o in placed)
    assert shown[placed[-1]["orderId"]]["trailingDelta"] == 500
    step("STOP_LOSS, TAKE_PROFIT, trailing", f"{len(placed)} wait for their trigger")
    iceberg = client.create_order(
        symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", icebergQty="0.002", price=far,
        selfTradePreventionMode="EXPIRE_BOTH", newOrderRespType="RESULT")
    assert iceberg["icebergQty"] == "0.00200000" and iceberg["selfTradePreventionMode"] == "EXPIRE_BOTH"
    step("iceberg, selfTradePreventionMode")
    cancelled = client.cancel_all_open_orders(symbol=SYMBOL)
    assert len(cancelled) == 6 and not client.get_open_orders(symbol=SYMBOL)
    step("DELETE openOrders", f"{len(cancelled)} cancelled")

    old = client.order_limit_buy(symbol=SYMBOL, quantity="0.001", price=far)
    replace = dict(symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.002", price=far)
    both = client.cancel_replace_order(cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=old["orderId"], **replace)
    assert (both["cancelResult"], both["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    expect(-2022, client.cancel_replace_order, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=old["orderId"], **replace)
    expect(-2021, client.cancel_replace_order, cancelReplaceMode="ALLOW_FAILURE", cancelOrderId=old["orderId"], **replace)
    # The first half can be done and the second refused: which, the venue says.
    kept = both["newOrderResponse"]["orderId"]
    too_much = {**replace, "quantity": "500"}
    expect(-2021, client.cancel_replace_order, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=kept, **too_much)
    assert client.get_order(symbol=SYMBOL, orderId=kept)["status"] == "CANCELED"
    client.cancel_all_open_orders(symbol=SYMBOL)
    assert not client.get_open_orders(symbol=SYMBOL)
    step("order/cancelReplace", "200, 400 with -2022, 409 with -2021 either way round")

    oco = client._post("order/oco", True, data=dict(
        symbol=SYMBOL, side="SELL", quantity="0.001", price=high, stopPrice=far, stopLimitPrice=far,
        stopLimitTimeInForce="GTC", listClientOrderId=some_id()))
    assert oco["listOrderStatus"] == "EXECUTING" and len(oco["orderReports"]) == 2
    assert [o["orderListId"] for o in client.get_open_oco_orders()] == [oco["orderListId"]]
    done = client._delete("orderList", True, data=dict(symbol=SYMBOL, orderListId=oco["orderListId"]))
    assert done["listOrderStatus"] == "ALL_DONE" and {r["status"] for r in done["orderReports"]} == {"CANCELED"}
    step("order/oco and DELETE orderList", f"list {oco['orderListId']}")
    pair = client._post("order/oco", True, data=dict(symbol=SYMBOL, side="SELL", quantity="0.001", price=high, stopPrice=far))
    stop = next(r for r in pair["orderReports"] if r["type"] == "STOP_LOSS")
    assert client.cancel_order(symbol=SYMBOL, orderId=stop["orderId"])["listOrderStatus"] == "ALL_DONE"
    ended = {client.get_order(symbol=SYMBOL, orderId=r["orderId"])["status"] for r in pair["orderReports"]}
    assert ended == {"CANCELED"} and not client.get_open_oco_orders(), ended
    message = expect(-2010, client._post, "order/oco", True, data=dict(
        symbol=SYMBOL, side="SELL", quantity="0.001", price=far, stopPrice=high))
    assert "relationship" in message, message
    step("order/oco: one leg cancelled, wrong prices", "ends the pair, -2010")

    mine = client.get_my_trades(symbol=SYMBOL)
    assert bought["fills"][0]["tradeId"] in [t["id"] for t in mine]
    everything = client.get_all_orders(symbol=SYMBOL)
    account = client.get_account()
    balances = {b["asset"]: b for b in account["balances"]}
    assert Decimal(balances["USD"]["locked"]) == Decimal(balances["BTC"]["locked"]) == 0
    counts = client.get_current_order_count()
    step("myTrades, allOrders, account, counts",
         f"{len(mine)} trades, {len(everything)} orders, {balances['BTC']['free']} BTC, {counts[1]['count']} today")

    expect(-2010, client.order_limit_buy, symbol=SYMBOL, quantity="500", price=far)
    expect(-2010, client.create_order, symbol=SYMBOL, side="BUY", type="LIMIT_MAKER", quantity="0.001", price=high)
    assert "LOT_SIZE" in expect(-1013, client.order_limit_buy, symbol=SYMBOL, quantity="0.000001", price=far)
    assert "PRICE_FILTER" in expect(-1013, client.order_limit_buy, symbol=SYMBOL, quantity="0.001", price="1000.001")
    assert "MIN_NOTIONAL" in expect(-1013, client.order_limit_buy, symbol=SYMBOL, quantity="0.00001", price=far)
    expect(-1121, client.get_order_book, symbol="NOSUCH")
    expect(-2013, client.get_order, symbol=SYMBOL, orderId=1)
    expect(-2011, client.cancel_order, symbol=SYMBOL, orderId=1)
    stranger = rest_client()
    stranger.API_SECRET = "wrong" * 12
    expect(-1022, stranger.get_account)
    late = rest_client()
    late.timestamp_offset = -60_000
    expect(-1021, late.get_account)
    step("refusals", "-2010 -1013 -1121 -2013 -2011 -1022 -1021")
    key = client.stream_get_listen_key()
    assert client.stream_keepalive(key) == {} and client.stream_close(key) == {}
    step("userDataStream", "listen key started, kept, closed")


# python-binance, streams and WebSocket API


async def stream_part(bid, ask):
    AsyncClient.API_URL = REST + "/api"
    client = await AsyncClient.create(KEY, SECRET, tld="us", session_params={"connector": connector()})
    client.ws_api._url = WS_API
    manager = BinanceSocketManager(client)
    manager.STREAM_URL = STREAM + "/"
    kinds = ["trade", "aggTrade", "depth@100ms", "depth", "depth5@100ms", "depth10", "depth20@100ms", "bookTicker",
             "ticker", "miniTicker", "ticker_1h", "kline_1m"]
    names = [f"{SYMBOL.lower()}@{kind}" for kind in kinds]
    seen, updates = {}, []
    async with manager.multiplex_socket(names) as socket:
        deadline = time.monotonic() + WAIT_S
        while set(names) - set(seen) or len(updates) < 20:
            if time.monotonic() > deadline:
                failed(f"no data on {sorted(set(names) - set(seen))}")
            frame = await socket.recv()
            assert "stream" in frame, frame
            seen[frame["stream"]] = seen.get(frame["stream"], 0) + 1
            if frame["stream"].endswith("depth@100ms"):
                updates.append(frame["data"])
    assert all(b["U"] == a["u"] + 1 for a, b in zip(updates, updates[1:])), "depth updates do not follow each other"
    step("combined streams", f"{sum(seen.values())} events of {len(seen)} kinds, {len(updates)} depth updates without a gap")
    async with manager.trade_socket(SYMBOL) as socket:
        assert (await asyncio.wait_for(socket.recv(), WAIT_S))["e"] == "trade"
    step("raw stream")

    events = []
    async with manager.user_socket() as socket:
        own, far = some_id(), cents(bid * Decimal("0.9"))

        async def until(what, condition):
            deadline = time.monotonic() + WAIT_S
            while not condition():
                if time.monotonic() > deadline:
                    failed(f"{what}: {events}")
                try:
                    events.append(await asyncio.wait_for(socket._queue.get(), 0.2))
                except asyncio.TimeoutError:
                    pass

        def reports(name):
            return [(e["x"], e["X"]) for e in events if e["e"] == "executionReport" and name in (e["c"], e["C"])]

        placed = await client.ws_create_order(
            symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001", price=far, newClientOrderId=own)
        assert placed["status"] == "NEW"
        assert (await client.ws_get_order(symbol=SYMBOL, orderId=placed["orderId"]))["clientOrderId"] == own
        await client.ws_cancel_order(symbol=SYMBOL, orderId=placed["orderId"])
        await until("the cancel", lambda: len(reports(own)) == 2)
        assert reports(own) == [("NEW", "NEW"), ("CANCELED", "CANCELED")], events
        taking = some_id()
        await client.ws_order_market_sell(symbol=SYMBOL, quantity="0.001", newClientOrderId=taking)
        await until("the fill", lambda: ("TRADE", "FILLED") in reports(taking))
        paid = [(Decimal(e["n"]), e["N"]) for e in events if e["e"] == "executionReport" and e["c"] == taking and e["x"] == "TRADE"]
        assert paid and all(fee > 0 and asset == SOLD_FEE for fee, asset in paid), paid
        await until("the balances", lambda: any(e["e"] == "outboundAccountPosition" for e in events))
        kinds = sorted({e["e"] for e in events})
        step("user stream by subscription", f"{reports(own)} {reports(taking)}, {kinds}")

        await client.ws_create_test_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.001")
        old = await client.ws_order_limit_buy(symbol=SYMBOL, quantity="0.001", price=far)
        new = await client.ws_cancel_and_replace_order(
            symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.002", price=far,
            cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=old["orderId"])
        assert new["newOrderResult"] == "SUCCESS"
        try:
            await client.ws_cancel_and_replace_order(
                symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.002", price=far,
                cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=old["orderId"])
            failed("a replace of an order that is gone was taken")
        except BinanceAPIException as error:
            assert error.code == -2022, error
        assert len(await client.ws_get_open_orders(symbol=SYMBOL)) == 1
        assert len(await client.ws_cancel_all_open_orders(symbol=SYMBOL)) == 1
        oco = await client._ws_api_request("orderList.place", True, dict(
            symbol=SYMBOL, side="SELL", quantity="0.001", price=cents(ask * Decimal("1.1")), stopPrice=far))
        assert oco["listOrderStatus"] == "EXECUTING"
        await client.ws_cancel_oco_order(symbol=SYMBOL, orderListId=oco["orderListId"])
        await until("the list's end", lambda: ["EXECUTING", "ALL_DONE"] == [e["L"] for e in events if e["e"] == "listStatus"])
        account, book = await client.ws_get_account(), await client.ws_get_order_book(symbol=SYMBOL, limit=5)
        assert account["canTrade"] and len(book["bids"]) == 5
        assert (await client.ws_get_exchange_info(symbol=SYMBOL))["symbols"][0]["symbol"] == SYMBOL
        assert await client.ws_ping() == {} and (await client.ws_get_time())["serverTime"]
        step("WebSocket API", "place, test, status, cancel, cancelReplace, cancelAll, OCO, account, depth, time")
        try:
            await client.ws_order_market_buy(symbol=SYMBOL, quantity="1")
            await client.ws_order_limit_buy(symbol=SYMBOL, quantity="500", price=far)
            failed("an order without funds was taken")
        except BinanceAPIException as error:
            assert error.status_code == 400 and error.code == -2010, (error.status_code, error.code)
        step("WebSocket API refusal", "-2010")
    await client.close_connection()


def connector():
    import aiohttp

    return aiohttp.TCPConnector(ssl=TLS)


# ccxt


def point(exchange):
    """ccxt at the local venue: its addresses, the one of the WebSocket API that it lacks for Binance.US."""
    api = exchange.urls["api"]
    for name in ("public", "private"):
        api[name] = REST + "/api/v3"
    if "ws" in api:
        api["ws"]["spot"] = STREAM + "/ws"
        api["ws"].setdefault("ws-api", {})["spot"] = WS_API
    return exchange


def ccxt_part():
    exchange = point(ccxt.binanceus({"apiKey": KEY, "secret": SECRET, "requests_trust_env": True}))
    markets = exchange.load_markets()
    ticker = exchange.fetch_ticker(CCXT_SYMBOL)
    far = float(cents(Decimal(str(ticker["bid"])) * Decimal("0.9")))
    assert exchange.fetch_order_book(CCXT_SYMBOL, 10)["nonce"] and exchange.fetch_trades(CCXT_SYMBOL)
    assert exchange.fetch_ohlcv(CCXT_SYMBOL, "1m")
    step("ccxt: markets, ticker, book, trades, ohlcv", f"{len(markets)} markets, bid {ticker['bid']}")
    order = exchange.create_order(CCXT_SYMBOL, "limit", "buy", 0.001, far)
    assert exchange.fetch_order(order["id"], CCXT_SYMBOL)["status"] == "open"
    assert order["id"] in [o["id"] for o in exchange.fetch_open_orders(CCXT_SYMBOL)]
    edited = exchange.edit_order(order["id"], CCXT_SYMBOL, "limit", "buy", 0.002, far)
    assert edited["id"] != order["id"] and edited["amount"] == 0.002
    assert exchange.cancel_order(edited["id"], CCXT_SYMBOL)["status"] == "canceled"
    sold = exchange.create_order(CCXT_SYMBOL, "market", "sell", 0.001)
    assert sold["status"] == "closed" and sold["filled"] == 0.001
    stop = exchange.create_order(CCXT_SYMBOL, "limit", "sell", 0.001, far, {"stopLossPrice": far})
    assert len(exchange.cancel_all_orders(CCXT_SYMBOL)) == 1, stop
    assert exchange.fetch_my_trades(CCXT_SYMBOL)[-1]["order"] == sold["id"]
    step("ccxt: limit, edit, cancel, market, stop", f"{exchange.fetch_balance()['BTC']['free']} BTC free")
    for error, call in [
        (ccxt.InsufficientFunds, lambda: exchange.create_order(CCXT_SYMBOL, "limit", "buy", 500, far)),
        (ccxt.OrderNotFound, lambda: exchange.cancel_order("1", CCXT_SYMBOL)),
    ]:
        try:
            call()
            failed(error.__name__)
        except error:
            pass
    step("ccxt: refusals as its own errors")


async def ccxt_stream_part():
    exchange = point(ccxt.pro.binanceus({"apiKey": KEY, "secret": SECRET, "cafile": ca_file}))
    try:
        within = lambda awaitable: asyncio.wait_for(awaitable, WAIT_S)  # noqa: E731
        await exchange.load_markets()
        trades = await within(exchange.watch_trades(CCXT_SYMBOL))
        book = await within(exchange.watch_order_book(CCXT_SYMBOL))
        ticker = await within(exchange.watch_ticker(CCXT_SYMBOL))
        best = await within(exchange.watch_bids_asks([CCXT_SYMBOL]))
        bars = await within(exchange.watch_ohlcv(CCXT_SYMBOL, "1m"))
        assert trades and best and bars and book["bids"][0][0] < book["asks"][0][0]
        for _ in range(20):
            book = await within(exchange.watch_order_book(CCXT_SYMBOL))
            assert book["bids"][0][0] < book["asks"][0][0], "the book is crossed"
        assert ticker["high"] >= ticker["last"] >= ticker["low"], ticker
        step("ccxt.pro: trades, book, ticker, ohlcv", f"last {ticker['last']}, book at {book['nonce']}")

        far = float(cents(Decimal(str(book["bids"][0][0])) * Decimal("0.9")))
        watching = asyncio.ensure_future(exchange.watch_orders(CCXT_SYMBOL))
        await within(exchange.authenticate({"type": "spot"}))
        order = await within(exchange.create_order_ws(CCXT_SYMBOL, "limit", "buy", 0.001, far))
        told = await within(watching)
        assert told[-1]["id"] == order["id"], told
        await within(exchange.edit_order_ws(order["id"], CCXT_SYMBOL, "limit", "buy", 0.002, far))
        assert len(await within(exchange.cancel_all_orders_ws(CCXT_SYMBOL))) == 1
        mine = asyncio.ensure_future(exchange.watch_my_trades(CCXT_SYMBOL))
        money = asyncio.ensure_future(exchange.watch_balance())
        await asyncio.sleep(0.1)
        await within(exchange.create_order_ws(CCXT_SYMBOL, "market", "sell", 0.001))
        traded, balance = await within(mine), await within(money)
        assert await within(exchange.fetch_open_orders_ws(CCXT_SYMBOL)) == []
        step("ccxt.pro: orders by WebSocket API", f"sold {traded[-1]['amount']} at {traded[-1]['price']}, "
             f"{balance['BTC']['free']} BTC free")
    finally:
        await exchange.close()


def main():
    client = rest_client()
    bid, ask = market_part(client)
    order_part(client, bid, ask)
    asyncio.run(stream_part(bid, ask))
    ccxt_part()
    asyncio.run(ccxt_stream_part())
    print("all steps passed")


if __name__ == "__main__":
    main()
