//! Lower-case hexadecimal, written into buffers of fixed size. Never allocates; never reads hexadecimal.

/// Writes two digits per byte; bytes without room, and room without bytes, are left alone.
#[inline]
pub(crate) fn write(bytes: &[u8], out: &mut [u8]) {
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        if let [high, low] = pair {
            *high = digit(byte >> 4);
            *low = digit(byte & 0x0f);
        }
    }
}

#[inline]
fn digit(nibble: u8) -> u8 {
    nibble.wrapping_add(if nibble < 10 {
        b'0'
    } else {
        b'a'.wrapping_sub(10)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_byte_is_written_as_the_standard_library_writes_it() {
        for byte in 0..=255_u8 {
            let mut out = [b'-'; 3];
            super::write(&[byte], &mut out);
            assert_eq!(
                core::str::from_utf8(&out),
                Ok(format!("{byte:02x}-").as_str())
            );
        }
    }
}
