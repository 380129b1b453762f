//! Times: no text panics, the cache never changes an answer, and what is read can be written and read again.
#![no_main]

use exchange_connectors::codec::timestamp::{format_rfc3339_ns, parse_rfc3339, Rfc3339Cache};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(texts) = core::str::from_utf8(data) else { return };
    let mut cache = Rfc3339Cache::new();
    for text in texts.split('\n') {
        let read = parse_rfc3339(text);
        assert_eq!(cache.parse(text), read);
        if let Ok(ns) = read {
            let mut written = Vec::new();
            format_rfc3339_ns(ns, &mut written);
            assert_eq!(core::str::from_utf8(&written).map(parse_rfc3339), Ok(Ok(ns)));
        }
    }
});
