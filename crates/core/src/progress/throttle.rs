//! What lies between the decoder and a sink: every change of state, and as many byte counts as somebody can read.

use std::collections::HashMap;
use std::time::Duration;

use super::summary::Summary;
use super::{AttemptPhase, Attempted, Context, Layer, LayerState, ProgressEvent, Total};

/// Byte counts of one layer come at most this often.
pub const INTERVAL: Duration = Duration::from_millis(100);
/// While no byte moves, the falling rate is told this often.
const RATE_INTERVAL: Duration = Duration::from_secs(1);

/// Coalesces byte counts, and adds the [`Total`] of all layers.
///
/// A change of state is never dropped and never overtaken by an older count: a count that was held back is delivered
/// before the next state of its layer, when it is due, or at the end. A `Total` follows every change of the layer
/// counts at once, and changes of its bytes at most every [`INTERVAL`]. Another source begins another total; another
/// attempt at the same source goes on with it.
///
/// Time is the caller's: `now` is the time since the start and never goes back.
#[derive(Debug, Default)]
pub struct Throttle {
    summary: Summary,
    source: Option<(String, String)>,
    /// In the order of their first event, so that held counts are delivered in a stable order.
    layers: Vec<Gate<Layer>>,
    /// Place of each layer in `layers`.
    places: HashMap<String, usize>,
    context: Option<Gate<Context>>,
    last_total: Option<(Total, Duration)>,
    now: Duration,
}

/// The last delivered event of one kind, and a newer one that waits.
#[derive(Debug)]
struct Gate<T> {
    delivered: T,
    delivered_at: Duration,
    held: Option<T>,
}

impl Throttle {
    /// A throttle that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A throttle that has seen nothing, for a build: more base images may follow the known ones.
    pub fn of_build() -> Self {
        Self {
            summary: Summary::of_build(),
            ..Self::default()
        }
    }

    /// Takes an event and gives to `out` what is to be told now.
    pub fn admit(
        &mut self,
        event: ProgressEvent,
        now: Duration,
        out: &mut impl FnMut(ProgressEvent),
    ) {
        self.now = now;
        match event {
            ProgressEvent::Layer(layer) => {
                self.summary.observe(&layer);
                self.admit_layer(layer, out);
                self.tell_total(out);
            }
            ProgressEvent::Context(context) => {
                let gate = &mut self.context;
                let is_change = gate
                    .as_ref()
                    .is_none_or(|gate| gate.latest().done != context.done);
                Gate::admit(gate, context, now, is_change, &mut |it| {
                    out(ProgressEvent::Context(it));
                });
            }
            ProgressEvent::Attempt(attempted) => {
                self.flush(out);
                self.begin(&attempted);
                out(ProgressEvent::Attempt(attempted));
            }
            // The sum is made here; one from elsewhere would contradict it.
            ProgressEvent::Total(_) => {}
            other => out(other),
        }
    }

    /// Gives to `out` the counts that were held back and are due at `now`. To be called every [`INTERVAL`] or so.
    pub fn due(&mut self, now: Duration, out: &mut impl FnMut(ProgressEvent)) {
        self.now = now;
        self.release(INTERVAL, out);
        self.tell_total(out);
    }

    /// Gives to `out` everything that was held back. The last call of a work.
    pub fn flush(&mut self, out: &mut impl FnMut(ProgressEvent)) {
        self.release(Duration::ZERO, out);
        if let Some(total) = self.summary.total(self.now) {
            let is_told = self
                .last_total
                .as_ref()
                .is_some_and(|(last, _)| same_sums(last, &total));
            if !is_told {
                self.deliver_total(total, out);
            }
        }
    }

    /// Tells that every layer is complete, after a pull that ended well: engines leave out the last word on some.
    pub fn complete_all(&mut self, now: Duration, out: &mut impl FnMut(ProgressEvent)) {
        self.now = now;
        self.release(Duration::ZERO, out);
        self.summary.complete_all();
        for gate in &mut self.layers {
            if !gate.delivered.state.is_done() {
                let layer = Layer::new(gate.delivered.id.clone(), LayerState::Complete);
                gate.deliver(layer, now, &mut |it| out(ProgressEvent::Layer(it)));
            }
        }
        self.flush(out);
    }

    fn admit_layer(&mut self, layer: Layer, out: &mut impl FnMut(ProgressEvent)) {
        let mut out = |layer| out(ProgressEvent::Layer(layer));
        let known = self
            .places
            .get(&layer.id)
            .and_then(|place| self.layers.get_mut(*place));
        if let Some(gate) = known {
            let is_change = gate.latest().state != layer.state;
            gate.take(layer, self.now, is_change, &mut out);
        } else {
            self.places.insert(layer.id.clone(), self.layers.len());
            self.layers.push(Gate::open(layer, self.now, &mut out));
        }
    }

    /// Prepares for the events of an attempt.
    fn begin(&mut self, attempted: &Attempted) {
        // The engine starts over with its layers, so that what it says of them is news again.
        self.layers.clear();
        self.places.clear();
        let source = (attempted.reference.clone(), attempted.registry.clone());
        let is_other = self.source.as_ref().is_some_and(|known| *known != source);
        if is_other || attempted.phase == AttemptPhase::FallingBack {
            self.summary.reset();
            self.last_total = None;
        }
        self.source = Some(source);
    }

    fn release(&mut self, after: Duration, out: &mut impl FnMut(ProgressEvent)) {
        for gate in &mut self.layers {
            gate.release(self.now, after, &mut |it| out(ProgressEvent::Layer(it)));
        }
        if let Some(gate) = &mut self.context {
            gate.release(self.now, after, &mut |it| out(ProgressEvent::Context(it)));
        }
    }

    fn tell_total(&mut self, out: &mut impl FnMut(ProgressEvent)) {
        let Some(total) = self.summary.total(self.now) else {
            return;
        };
        let is_news = match &self.last_total {
            None => true,
            Some((last, at)) => {
                let elapsed = self.now.saturating_sub(*at);
                !same_layers(last, &total)
                    || (elapsed >= INTERVAL && !same_sums(last, &total))
                    || (elapsed >= RATE_INTERVAL && *last != total)
            }
        };
        if is_news {
            self.deliver_total(total, out);
        }
    }

    fn deliver_total(&mut self, total: Total, out: &mut impl FnMut(ProgressEvent)) {
        self.last_total = Some((total.clone(), self.now));
        out(ProgressEvent::Total(total));
    }
}

impl<T: Clone + PartialEq> Gate<T> {
    fn open(first: T, now: Duration, out: &mut impl FnMut(T)) -> Self {
        out(first.clone());
        Self {
            delivered: first,
            delivered_at: now,
            held: None,
        }
    }

    fn admit(
        gate: &mut Option<Self>,
        event: T,
        now: Duration,
        is_change: bool,
        out: &mut impl FnMut(T),
    ) {
        match gate {
            Some(gate) => gate.take(event, now, is_change, out),
            None => *gate = Some(Self::open(event, now, out)),
        }
    }

    /// The newest event, delivered or not.
    fn latest(&self) -> &T {
        self.held.as_ref().unwrap_or(&self.delivered)
    }

    fn take(&mut self, event: T, now: Duration, is_change: bool, out: &mut impl FnMut(T)) {
        if is_change {
            self.release(now, Duration::ZERO, out);
            self.deliver(event, now, out);
        } else if event == self.delivered {
            self.held = None;
        } else if now >= self.delivered_at + INTERVAL {
            self.deliver(event, now, out);
        } else {
            self.held = Some(event);
        }
    }

    fn release(&mut self, now: Duration, after: Duration, out: &mut impl FnMut(T)) {
        if now >= self.delivered_at + after
            && let Some(event) = self.held.take()
        {
            self.deliver(event, now, out);
        }
    }

    fn deliver(&mut self, event: T, now: Duration, out: &mut impl FnMut(T)) {
        self.delivered = event.clone();
        self.delivered_at = now;
        self.held = None;
        out(event);
    }
}

fn same_layers(one: &Total, other: &Total) -> bool {
    (one.layers_done, one.layers_total) == (other.layers_done, other.layers_total)
}

/// Whether two totals say the same, their rates apart.
fn same_sums(one: &Total, other: &Total) -> bool {
    let sums = |total: &Total| (total.current_bytes, total.total_bytes, total.total_is_final);
    same_layers(one, other) && sums(one) == sums(other)
}

#[cfg(test)]
mod tests;
