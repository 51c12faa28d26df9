//! Sizes and times for people.

use std::time::Duration;

/// A size in binary units with one decimal: `512 B`, `12.4 MiB`.
pub fn format_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = 0;
    tenths = (tenths + 512) / 1024;
    // 1023.95 KiB would be written as 1024.0 KiB.
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths = (tenths + 512) / 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// A time in its two largest units: `40ms`, `1.5s`, `12s`, `3m 20s`, `2h 05m`.
pub fn format_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let seconds = (millis + 500) / 1000;
    match millis {
        0 => "0s".to_owned(),
        1..100 => format!("{millis}ms"),
        100..9_950 => {
            let tenths = (millis + 50) / 100;
            match tenths % 10 {
                0 => format!("{}s", tenths / 10),
                tenth => format!("{}.{tenth}s", tenths / 10),
            }
        }
        9_950..59_500 => format!("{seconds}s"),
        59_500..3_599_500 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary_with_one_decimal() {
        let table = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (13_002_342, "12.4 MiB"),
            (1 << 30, "1.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, text) in table {
            assert_eq!(format_bytes(bytes), text);
        }
    }

    #[test]
    fn times_have_two_units() {
        let table = [
            (0, "0s"),
            (40, "40ms"),
            (100, "0.1s"),
            (1500, "1.5s"),
            (2000, "2s"),
            (9_949, "9.9s"),
            (9_950, "10s"),
            (59_499, "59s"),
            (59_500, "1m 00s"),
            (200_000, "3m 20s"),
            (3_599_500, "1h 00m"),
            (7_500_000, "2h 05m"),
        ];
        for (millis, text) in table {
            assert_eq!(
                format_duration(Duration::from_millis(millis)),
                text,
                "{millis}"
            );
        }
    }
}
