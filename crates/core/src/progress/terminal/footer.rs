//! The row below all others.

use std::time::Duration;

use crate::progress::Total;
use crate::text::{format_bytes, format_duration};

/// The sum of all layers, the most telling part first.
pub(super) fn total_parts(total: &Total) -> Vec<String> {
    let mut parts = vec![format!(
        "{}/{} layers",
        total.layers_done, total.layers_total
    )];
    let current = format_bytes(total.current_bytes);
    if total.total_is_final {
        parts.push(format!("{current} of {}", format_bytes(total.total_bytes)));
    } else {
        parts.push(format!("{current} downloaded"));
    }
    if let Some(millis) = total.eta_ms.filter(|millis| *millis > 0) {
        parts.push(format!(
            "{} left",
            format_duration(Duration::from_secs(millis.div_ceil(1000)))
        ));
    }
    if let Some(rate) = total.bytes_per_second {
        parts.push(format!("{}/s", format_bytes(rate)));
    }
    parts
}
