#!/usr/bin/env python3
"""OANDA's own client v20, and the best-known foreign one, oandapyV20, against the local OANDA.

Shows that clients written by others, for the real venue, trade and stream against the simulator: every order kind, exits
on trades, closing, the transaction log and both streams, with their own parsing. Prints one line per step and exits
non-zero at the first that does not hold.

Usage:
    python3 -m venv venv && venv/bin/pip install v20 pyyaml oandapyV20 six
    exchange-connectors sim --dir DIR &            # wait for its line of JSON
    . DIR/credentials.env
    venv/bin/python tests/foreign/oanda_sdk.py

Reads OANDA_API_TOKEN, OANDA_ACCOUNT_ID, OANDA_ENVIRONMENT, OANDA_REST_URL, OANDA_STREAM_URL and
EXCHANGE_CONNECTORS_CA_FILE, and refuses to run against anything but localhost. Certificates are verified. What the clients
do not know is told them here: the addresses. They open a connection for each stream, so the script keeps to the venue's
two new connections per second itself.
"""

import os
import sys
import threading
import time
import uuid
from decimal import Decimal
from urllib.parse import urlparse

os.environ["REQUESTS_CA_BUNDLE"] = os.environ["EXCHANGE_CONNECTORS_CA_FILE"]

import oandapyV20  # noqa: E402  (the CA has to be known first)
import v20  # noqa: E402
from oandapyV20.contrib.requests import LimitOrderRequest, MarketOrderRequest, TakeProfitDetails  # noqa: E402
from oandapyV20.endpoints import accounts, instruments, orders, positions, pricing, trades, transactions  # noqa: E402
from oandapyV20.exceptions import V20Error  # noqa: E402

TOKEN, ACCOUNT = os.environ["OANDA_API_TOKEN"], os.environ["OANDA_ACCOUNT_ID"]
REST, STREAM = os.environ["OANDA_REST_URL"], os.environ["OANDA_STREAM_URL"]
assert os.environ["OANDA_ENVIRONMENT"] == "practice"
for url in (REST, STREAM):
    assert urlparse(url).hostname == "localhost", f"not a simulator: {url}"

PAIR = "EUR_USD"
WAIT_S = 20
# Longer than half a second: at most two new connections in any second.
CONNECTION_PAUSE_S = 0.6


def step(name, detail=""):
    print(f"ok  {name:<44} {detail}", flush=True)


def check(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")


def some_id():
    return uuid.uuid4().hex


def price(value):
    return str(Decimal(value).quantize(Decimal("0.00001")))


# v20, OANDA's own


def v20_context(url):
    time.sleep(CONNECTION_PAUSE_S)
    address = urlparse(url)
    return v20.Context(address.hostname, address.port, token=TOKEN, decimal_number_as_float=False, stream_timeout=WAIT_S)


def v20_get(api, call, key, *arguments, status=200, **named):
    response = call(*arguments, **named)
    check(response.status == status, f"{call.__qualname__}: {response.status} {response.raw_body}")
    return response.get(key, status) if key else response


def v20_account(api):
    listed = v20_get(api, api.account.list, "accounts")
    check(ACCOUNT in [a.id for a in listed], "the account is listed")
    summary = v20_get(api, api.account.summary, "account", ACCOUNT)
    step("v20 account.summary", f"{summary.balance} {summary.currency}, margin available {summary.marginAvailable}")
    rows = v20_get(api, api.account.instruments, "instruments", ACCOUNT)
    row = next(r for r in rows if r.name == PAIR)
    check(row.displayPrecision == 5 and row.pipLocation == -4, "precision of EUR_USD")
    step("v20 account.instruments", f"{len(rows)} instruments, {PAIR} margin rate {row.marginRate}")


def v20_best(api):
    told = v20_get(api, api.pricing.get, "prices", ACCOUNT, instruments=PAIR)[0]
    return Decimal(told.bids[0].price), Decimal(told.asks[0].price)


def v20_orders(api):
    mine = some_id()
    response = v20_get(api, api.order.market, None, ACCOUNT, status=201, instrument=PAIR, units="100",
                       clientExtensions={"id": mine}, takeProfitOnFill={"price": "1.5"}, stopLossOnFill={"distance": "0.05"})
    fill = response.get("orderFillTransaction", 201)
    check(fill.clientOrderID == mine and fill.tradeOpened.units == "100", "the market order filled")
    step("v20 order.market with exits", f"fill {fill.id} at {fill.price}")
    trade = v20_get(api, api.trade.get, "trade", ACCOUNT, fill.id)
    check(trade.takeProfitOrder.price == "1.50000" and trade.stopLossOrder is not None, "exits of the trade")
    step("v20 trade.get", f"take profit {trade.takeProfitOrder.price}, stop loss {trade.stopLossOrder.price}")
    response = v20_get(api, api.trade.set_dependent_orders, None, ACCOUNT, fill.id, trailingStopLoss={"distance": "0.01"})
    check(response.get("trailingStopLossOrderTransaction", 200).tradeID == fill.id, "a trailing stop on the trade")
    step("v20 trade.set_dependent_orders", "trailing stop")
    response = v20_get(api, api.trade.close, None, ACCOUNT, fill.id, units="40")
    check(response.get("orderFillTransaction", 200).tradeReduced.units == "-40", "closed in part")
    step("v20 trade.close", "40 of 100")
    response = v20_get(api, api.position.close, None, ACCOUNT, PAIR, longUnits="ALL", shortUnits="NONE")
    check(response.get("longOrderFillTransaction", 200).units == "-60", "the rest closed")
    step("v20 position.close", f"pl {response.get('longOrderFillTransaction', 200).pl}")


def v20_pending(api):
    bid, ask = v20_best(api)
    for name, call, at in [
        ("limit", api.order.limit, bid - Decimal("0.1")),
        ("stop", api.order.stop, ask + Decimal("0.1")),
        ("market_if_touched", api.order.market_if_touched, bid - Decimal("0.1")),
    ]:
        mine = some_id()
        v20_get(api, call, "orderCreateTransaction", ACCOUNT, status=201, instrument=PAIR, units="10", price=price(at),
                clientExtensions={"id": mine})
        order = v20_get(api, api.order.get, "order", ACCOUNT, "@" + mine)
        check(order.state == "PENDING" and order.price == price(at), f"{name} rests")
        cancelled = v20_get(api, api.order.cancel, "orderCancelTransaction", ACCOUNT, "@" + mine)
        check(cancelled.reason == "CLIENT_REQUEST", f"{name} is cancelled")
        again = v20_get(api, api.order.cancel, None, ACCOUNT, "@" + mine, status=404)
        check(again.get("errorCode", 404) == "ORDER_DOESNT_EXIST", "cancelled once only")
        step(f"v20 order.{name}, get, cancel", f"{order.id} at {order.price}")
    first = v20_get(api, api.order.limit, "orderCreateTransaction", ACCOUNT, status=201, instrument=PAIR, units="10",
                    price=price(bid - Decimal("0.1")))
    response = v20_get(api, api.order.limit_replace, None, ACCOUNT, first.id, status=201, instrument=PAIR, units="20",
                       price=price(bid - Decimal("0.11")))
    second = response.get("orderCreateTransaction", 201)
    check(second.replacesOrderID == first.id, "replaced")
    check([o.id for o in v20_get(api, api.order.list_pending, "orders", ACCOUNT)] == [second.id], "only the new one rests")
    v20_get(api, api.order.cancel, None, ACCOUNT, second.id)
    step("v20 order.limit_replace", f"{first.id} became {second.id}")


def v20_refusals(api):
    for units, reason in [("0", "UNITS_INVALID"), ("1.5", "UNITS_PRECISION_EXCEEDED"), ("999999999", "UNITS_LIMIT_EXCEEDED")]:
        response = v20_get(api, api.order.market, None, ACCOUNT, status=400, instrument=PAIR, units=units)
        check(response.get("orderRejectTransaction", 400).rejectReason == reason, reason)
    response = v20_get(api, api.order.market, None, ACCOUNT, status=201, instrument=PAIR, units="20000000")
    check(response.get("orderCancelTransaction", 201).reason == "INSUFFICIENT_MARGIN", "margin is checked")
    step("v20 refusals", "UNITS_*, and INSUFFICIENT_MARGIN as a 201")


def v20_transactions(api, since):
    told = v20_get(api, api.transaction.since, "transactions", ACCOUNT, id=since)
    ids = [int(t.id) for t in told]
    check(ids == list(range(int(since) + 1, int(since) + 1 + len(ids))), "ids are consecutive")
    pages = v20_get(api, api.transaction.list, "pages", ACCOUNT)
    check(pages and "/transactions/idrange?" in pages[0], "pages of transactions")
    changes = v20_get(api, api.account.changes, "changes", ACCOUNT, sinceTransactionID=since)
    check(len(changes.transactions) == len(ids) and changes.ordersFilled, "changes")
    step("v20 transaction.since, list, account.changes", f"{len(ids)} transactions")


def v20_streams(api):
    stream = v20_context(STREAM)
    seen, beats = set(), 0
    parts = stream.pricing.stream(ACCOUNT, instruments=f"{PAIR},USD_JPY", snapshot=True).parts()
    for kind, told in parts:
        if kind == "pricing.ClientPrice":
            seen.add(told.instrument)
        beats += kind == "pricing.PricingHeartbeat"
        if len(seen) == 2 and beats:
            break
    step("v20 pricing.stream", f"{', '.join(sorted(seen))} and a heartbeat")
    stream = v20_context(STREAM)
    told, opened = [], threading.Event()

    def listen():
        response = stream.transaction.stream(ACCOUNT)
        opened.set()
        for kind, line in response.parts():
            if kind != "transaction.TransactionHeartbeat":
                told.append(line)
            if len(told) == 2:
                return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    check(opened.wait(WAIT_S), "the transaction stream opens")
    response = v20_get(api, api.order.market, None, ACCOUNT, status=201, instrument=PAIR, units="-7")
    listener.join(WAIT_S)
    ids = [response.get(f"order{what}Transaction", 201).id for what in ("Create", "Fill")]
    check([t.id for t in told] == ids, "the stream tells what the reply tells")
    v20_get(api, api.position.close, None, ACCOUNT, PAIR, longUnits="NONE", shortUnits="ALL")
    step("v20 transaction.stream", f"{told[0].type} {ids[0]}, {told[1].type} {ids[1]}")


# oandapyV20


def oandapy_client():
    time.sleep(CONNECTION_PAUSE_S)
    oandapyV20.oandapyV20.TRADING_ENVIRONMENTS["practice"] = {"stream": STREAM, "api": REST}
    return oandapyV20.API(access_token=TOKEN, environment="practice")


def oandapy_trading(api):
    summary = api.request(accounts.AccountSummary(ACCOUNT))["account"]
    rows = api.request(accounts.AccountInstruments(ACCOUNT, params={"instruments": PAIR}))["instruments"]
    check(rows[0]["name"] == PAIR, "one instrument")
    step("oandapyV20 AccountSummary, AccountInstruments", f"NAV {summary['NAV']}")
    order = MarketOrderRequest(instrument=PAIR, units=50, takeProfitOnFill=TakeProfitDetails(price="1.4").data)
    reply = api.request(orders.OrderCreate(ACCOUNT, data=order.data))
    trade = reply["orderFillTransaction"]["tradeOpened"]["tradeID"]
    check(api.request(trades.TradeDetails(ACCOUNT, trade))["trade"]["takeProfitOrder"]["price"] == "1.40000", "take profit")
    step("oandapyV20 OrderCreate market", f"trade {trade}")
    order = LimitOrderRequest(instrument=PAIR, units=10, price="1.05")
    rests = api.request(orders.OrderCreate(ACCOUNT, data=order.data))["orderCreateTransaction"]["id"]
    pending = [o["id"] for o in api.request(orders.OrdersPending(ACCOUNT))["orders"]]
    check(rests in pending, "the limit order is listed")
    api.request(orders.OrderCancel(ACCOUNT, orderID=rests))
    check(api.request(orders.OrderDetails(ACCOUNT, orderID=rests))["order"]["state"] == "CANCELLED", "cancelled")
    step("oandapyV20 OrderCreate limit, OrderCancel", rests)
    reply = api.request(trades.TradeClose(ACCOUNT, tradeID=trade, data={"units": 20}))
    check(reply["orderFillTransaction"]["tradeReduced"]["units"] == "-20", "a number as units")
    reply = api.request(positions.PositionClose(ACCOUNT, PAIR, data={"longUnits": "ALL", "shortUnits": "NONE"}))
    check(reply["longOrderFillTransaction"]["tradesClosed"][0]["tradeID"] == trade, "the rest is closed")
    check(api.request(positions.OpenPositions(ACCOUNT))["positions"] == [], "nothing is open")
    step("oandapyV20 TradeClose, PositionClose", "20 of 50, then all")
    try:
        api.request(positions.PositionClose(ACCOUNT, PAIR, data={"longUnits": "ALL", "shortUnits": "NONE"}))
        check(False, "there was nothing to close")
    except V20Error as error:
        check(error.code == 404 and "CLOSEOUT_POSITION_DOESNT_EXIST" in error.msg, error)
    step("oandapyV20 V20Error", "404 CLOSEOUT_POSITION_DOESNT_EXIST")
    reply = api.request(transactions.TransactionsSinceID(ACCOUNT, params={"id": trade}))
    kinds = [t["type"] for t in reply["transactions"]]
    check("TAKE_PROFIT_ORDER" in kinds and "ORDER_CANCEL" in kinds, kinds)
    candles = api.request(instruments.InstrumentsCandles(PAIR, params={"granularity": "S5", "count": 3, "price": "MBA"}))
    check(candles["candles"] and {"bid", "mid", "ask"} <= candles["candles"][-1].keys(), "candles")
    step("oandapyV20 TransactionsSinceID, candles", f"{len(kinds)} transactions, {len(candles['candles'])} candles")


def oandapy_streams():
    for endpoint, done in [
        (pricing.PricingStream(ACCOUNT, params={"instruments": f"{PAIR},USD_JPY"}), lambda line: line["type"] == "HEARTBEAT"),
        (transactions.TransactionsStream(ACCOUNT), lambda line: "lastTransactionID" in line),
    ]:
        count, ends = 0, time.monotonic() + WAIT_S
        for line in oandapy_client().request(endpoint):
            count += 1
            if done(line):
                break
            check(time.monotonic() < ends, f"{endpoint} says nothing")
        step(f"oandapyV20 {type(endpoint).__name__}", f"{count} lines with a heartbeat")


def main():
    api = v20_context(REST)
    since = v20_get(api, api.account.summary, "lastTransactionID", ACCOUNT)
    v20_account(api)
    v20_orders(api)
    v20_pending(api)
    v20_refusals(api)
    v20_transactions(api, since)
    v20_streams(api)
    oandapy_trading(oandapy_client())
    oandapy_streams()
    stranger = v20.Context(urlparse(REST).hostname, urlparse(REST).port, token="0" * 32)
    time.sleep(CONNECTION_PAUSE_S)
    check(stranger.account.summary(ACCOUNT).status == 401, "a wrong token opens nothing")
    step("a wrong token", "401")


main()
