//! Cold replies about instruments (OANDA reference 3). They allocate; never on the hot thread.

use super::super::products::{GuaranteedStops, InstrumentRules};
use super::account::{list, required};
use super::{each_field, ReplyError};
use crate::codec::json::Cursor;
use crate::record::Fixed;
use crate::venue::fault::Fault;

/// The account's instruments, and the names of those whose rows cannot be read, so that somebody can say so.
///
/// # Errors
/// [`ReplyError`]: not a list of instruments.
pub fn instruments(body: &[u8]) -> Result<(Vec<InstrumentRules>, Vec<Box<str>>), ReplyError> {
    let rows = list(body, "instruments", |cursor| {
        let start = cursor.clone();
        rules(cursor).map(Ok).or_else(|_| {
            *cursor = start;
            name(cursor).map(Err)
        })
    });
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for row in rows? {
        match row {
            Ok(rules) => found.push(rules),
            Err(name) => refused.push(name),
        }
    }
    Ok((found, refused))
}

fn name(cursor: &mut Cursor<'_, '_>) -> Result<Box<str>, Fault> {
    let mut name = "";
    each_field(cursor, |key, cursor| {
        if key == "name" {
            name = cursor.str()?;
        }
        Ok(key == "name")
    })?;
    Ok(name.into())
}

fn rules(cursor: &mut Cursor<'_, '_>) -> Result<InstrumentRules, Fault> {
    let mut row = InstrumentRules {
        name: "".into(),
        kind: "".into(),
        display_precision: 0,
        trade_units_precision: 0,
        pip_location: 0,
        units_min: Fixed::default(),
        units_max: Fixed::default(),
        position_max: Fixed::default(),
        trailing_min: Fixed::default(),
        trailing_max: Fixed::default(),
        margin_rate: Fixed::default(),
        guaranteed_stops: GuaranteedStops::Disabled,
        guaranteed_distance_min: None,
    };
    let (mut display, mut units) = (None, None);
    each_field(cursor, |key, cursor| {
        match key {
            "name" => row.name = cursor.str()?.into(),
            "type" => row.kind = cursor.str()?.into(),
            "displayPrecision" => display = Some(places("displayPrecision", cursor)?),
            "tradeUnitsPrecision" => units = Some(places("tradeUnitsPrecision", cursor)?),
            "pipLocation" => {
                row.pip_location = i8::try_from(cursor.i64()?).map_err(|_| Fault::Value { key: "pipLocation" })?;
            }
            "minimumTradeSize" => row.units_min = fixed("minimumTradeSize", cursor)?,
            "maximumOrderUnits" => row.units_max = fixed("maximumOrderUnits", cursor)?,
            "maximumPositionSize" => row.position_max = fixed("maximumPositionSize", cursor)?,
            "minimumTrailingStopDistance" => row.trailing_min = fixed("minimumTrailingStopDistance", cursor)?,
            "maximumTrailingStopDistance" => row.trailing_max = fixed("maximumTrailingStopDistance", cursor)?,
            "marginRate" => row.margin_rate = fixed("marginRate", cursor)?,
            "minimumGuaranteedStopLossDistance" => {
                row.guaranteed_distance_min = Some(fixed("minimumGuaranteedStopLossDistance", cursor)?);
            }
            "guaranteedStopLossOrderMode" => {
                row.guaranteed_stops = match cursor.str_or_null()?.unwrap_or_default() {
                    "ALLOWED" => GuaranteedStops::Allowed,
                    "REQUIRED" => GuaranteedStops::Required,
                    // DISABLED, and what we do not know: not to be attached.
                    _ => GuaranteedStops::Disabled,
                };
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    required(!row.name.is_empty(), "name")?;
    row.display_precision = display.ok_or(Fault::Missing { key: "displayPrecision" })?;
    row.trade_units_precision = units.ok_or(Fault::Missing { key: "tradeUnitsPrecision" })?;
    Ok(row)
}

/// Most decimals any price or quantity has.
const PLACES_MAX: u64 = 12;

fn places(key: &'static str, cursor: &mut Cursor<'_, '_>) -> Result<u8, Fault> {
    let places = cursor.u64()?;
    u8::try_from(places).ok().filter(|_| places <= PLACES_MAX).ok_or(Fault::Value { key })
}

fn fixed(key: &'static str, cursor: &mut Cursor<'_, '_>) -> Result<Fixed, Fault> {
    match cursor.str_or_null()?.unwrap_or_default() {
        "" => Ok(Fixed::default()),
        text => Fixed::parse(text).map_err(|error| Fault::Number { key, error }),
    }
}
