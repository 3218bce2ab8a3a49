//! Digits of numbers that have a fixed width, for answers that have hundreds of them.

/// Fills `digits` with the lowest decimal digits of a number.
pub(super) fn write(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Digits as a text.
pub(super) fn text(digits: &[u8]) -> &str {
    // Digits are ASCII; anything else would be nothing of ours.
    std::str::from_utf8(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_wide_as_asked() {
        for (number, digits) in [(0, "000"), (7, "007"), (1234, "234"), (u64::MAX, "18446744073709551615")] {
            let mut written = vec![0; digits.len()];
            write(number, &mut written);
            assert_eq!(text(&written), digits);
        }
    }
}
