use super::*;

const MIB: u64 = 1024 * 1024;

fn layer(id: &str, state: LayerState, current: Option<u64>, total: Option<u64>) -> Layer {
    Layer {
        current_bytes: current,
        total_bytes: total,
        ..Layer::new(id, state)
    }
}

fn downloading(id: &str, current: u64, total: u64) -> Layer {
    layer(id, LayerState::Downloading, Some(current), Some(total))
}

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn summary_of(layers: &[Layer]) -> Summary {
    let mut summary = Summary::new();
    for layer in layers {
        summary.observe(layer);
    }
    summary
}

#[test]
fn there_is_no_total_without_layers() {
    assert_eq!(Summary::new().total(at(0)), None);
}

#[test]
fn bytes_of_all_layers_are_added() {
    let total = summary_of(&[downloading("a", 10, 100), downloading("b", 20, 50)])
        .total(at(0))
        .unwrap();
    assert_eq!((total.current_bytes, total.total_bytes), (30, 150));
    assert!(total.total_is_final);
    assert_eq!((total.layers_done, total.layers_total), (0, 2));
}

#[test]
fn total_is_not_final_while_a_size_is_unknown() {
    let mut summary = summary_of(&[
        downloading("a", 10, 100),
        Layer::new("b", LayerState::Waiting),
    ]);
    assert!(!summary.total(at(0)).unwrap().total_is_final);
    summary.observe(&downloading("b", 1, 20));
    let total = summary.total(at(1)).unwrap();
    assert!(total.total_is_final);
    assert_eq!(total.total_bytes, 120);
}

#[test]
fn no_total_of_a_build_is_final_before_its_end() {
    let mut summary = Summary::of_build();
    summary.observe(&downloading("a", 10, 100));
    for millis in [0, 1000, 2000] {
        summary.observe(&downloading("a", 10 + millis / 50, 100));
        let total = summary.total(at(millis)).unwrap();
        assert_eq!((total.total_is_final, total.eta_ms), (false, None));
    }
    summary.reset();
    summary.observe(&downloading("b", 10, 100));
    assert!(!summary.total(at(3000)).unwrap().total_is_final);
}

#[test]
fn layer_whose_bytes_the_engine_never_told_leaves_the_total_open() {
    let mut summary = summary_of(&[
        downloading("a", 100, 100),
        Layer::new("b", LayerState::Complete),
    ]);
    summary.complete_all();
    let total = summary.total(at(0)).unwrap();
    assert_eq!((total.layers_done, total.total_bytes), (2, 100));
    assert!(!total.total_is_final);
}

#[test]
fn total_of_layers_that_all_existed_is_final_only_at_the_end() {
    let mut summary = summary_of(&[Layer::new("a", LayerState::Exists)]);
    assert!(!summary.total(at(0)).unwrap().total_is_final);
    summary.complete_all();
    assert!(summary.total(at(0)).unwrap().total_is_final);
}

#[test]
fn retried_layer_does_not_lower_the_sum() {
    let mut summary = summary_of(&[
        downloading("a", 60, 100),
        Layer::new("a", LayerState::Retrying),
    ]);
    assert_eq!(summary.total(at(0)).unwrap().current_bytes, 60);
    // The engine goes on where it was: 40 bytes are left, and it counts them from zero.
    summary.observe(&downloading("a", 5, 40));
    let total = summary.total(at(1)).unwrap();
    assert_eq!((total.current_bytes, total.total_bytes), (60, 100));
    summary.observe(&Layer::new("a", LayerState::Downloaded));
    assert_eq!(summary.total(at(2)).unwrap().current_bytes, 100);
}

#[test]
fn total_is_never_smaller_than_current() {
    let total = summary_of(&[
        downloading("a", 120, 100),
        layer("b", LayerState::Downloading, Some(7), None),
    ])
    .total(at(0))
    .unwrap();
    assert_eq!((total.current_bytes, total.total_bytes), (127, 127));
    assert!(!total.total_is_final);
}

#[test]
fn size_learned_while_extracting_counts_as_downloaded_once() {
    let mut summary = summary_of(&[layer("a", LayerState::Extracting, Some(10), Some(80))]);
    for extracted in [20, 60, 80] {
        summary.observe(&layer(
            "a",
            LayerState::Extracting,
            Some(extracted),
            Some(80),
        ));
        let total = summary.total(at(extracted)).unwrap();
        assert_eq!((total.current_bytes, total.total_bytes), (80, 80));
    }
}

#[test]
fn layer_that_existed_adds_no_bytes_even_while_it_is_unpacked() {
    let mut summary = summary_of(&[Layer::new("a", LayerState::Exists)]);
    summary.observe(&layer("a", LayerState::Extracting, Some(10), Some(80)));
    let total = summary.total(at(0)).unwrap();
    assert_eq!((total.current_bytes, total.total_bytes), (0, 0));
    assert_eq!(total.layers_done, 1);
}

#[test]
fn zero_is_no_size() {
    let total = summary_of(&[layer("a", LayerState::Downloading, None, Some(0))])
        .total(at(0))
        .unwrap();
    assert!(!total.total_is_final);
    assert_eq!(total.eta_ms, None);
}

#[test]
fn rate_is_the_mean_of_the_last_five_seconds() {
    let mut summary = Summary::new();
    let mut last = None;
    for second in 0..=20 {
        // 1 MiB/s for ten seconds, then 3 MiB/s.
        let bytes = (second + 2 * u64::saturating_sub(second, 10)) * MIB;
        summary.observe(&downloading("a", bytes, 100 * MIB));
        last = summary.total(at(second * 1000));
        if second == 10 {
            assert_eq!(last.as_ref().unwrap().bytes_per_second, Some(MIB));
        }
    }
    let total = last.unwrap();
    assert_eq!(total.bytes_per_second, Some(3 * MIB));
    assert_eq!(total.eta_ms, Some(60_000 * MIB / (3 * MIB)));
}

#[test]
fn rate_is_absent_at_first_and_zero_when_nothing_moves() {
    let mut summary = summary_of(&[downloading("a", 0, 100)]);
    assert_eq!(summary.total(at(0)).unwrap().bytes_per_second, None);
    summary.observe(&downloading("a", 50, 100));
    let total = summary.total(at(100)).unwrap();
    assert_eq!((total.bytes_per_second, total.eta_ms), (None, None));
    for second in 1..20 {
        summary.total(at(second * 1000));
    }
    let total = summary.total(at(20_000)).unwrap();
    assert_eq!((total.bytes_per_second, total.eta_ms), (Some(0), None));
}

#[test]
fn eta_is_known_once_what_is_left_is_known() {
    // The size of `b` never came, but its transfer has ended.
    let mut summary = summary_of(&[
        downloading("a", 0, 100),
        Layer::new("b", LayerState::Downloaded),
    ]);
    summary.total(at(0));
    summary.observe(&downloading("a", 50, 100));
    let total = summary.total(at(1000)).unwrap();
    assert!(!total.total_is_final);
    assert_eq!(total.eta_ms, Some(1000));
}

#[test]
fn finished_download_has_no_rate_and_no_time_left() {
    let mut summary = summary_of(&[downloading("a", 0, 100)]);
    summary.total(at(0));
    summary.observe(&Layer::new("a", LayerState::Downloaded));
    let total = summary.total(at(1000)).unwrap();
    assert_eq!((total.bytes_per_second, total.eta_ms), (None, Some(0)));
}

#[test]
fn all_layers_can_be_completed_at_the_end() {
    let mut summary = summary_of(&[downloading("a", 10, 100), downloading("b", 5, 50)]);
    summary.complete_all();
    let total = summary.total(at(0)).unwrap();
    assert_eq!((total.layers_done, total.layers_total), (2, 2));
    assert_eq!((total.current_bytes, total.total_bytes), (150, 150));
    assert!(total.total_is_final);
}

#[test]
fn reset_forgets_the_layers_of_the_source() {
    let mut summary = summary_of(&[downloading("a", 10, 100)]);
    summary.reset();
    assert_eq!(summary.total(at(0)), None);
}

#[test]
fn current_only_grows_and_stays_below_total_for_any_order_of_states() {
    use LayerState::{
        Complete, Downloaded, Downloading, Exists, Extracting, Retrying, Verifying, Waiting,
    };
    let states = [
        Waiting,
        Downloading,
        Retrying,
        Verifying,
        Downloaded,
        Extracting,
        Complete,
        Exists,
    ];
    let mut random = 7_u64;
    let mut below = move |limit: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) % limit
    };
    for round in 0..900 {
        let kinds = 1 + round % 3;
        let mut summary = Summary::new();
        let mut last = 0;
        for step in 0..60 {
            let known = |value| (value > 0).then_some(value);
            summary.observe(&layer(
                ["a", "b", "c"][usize::try_from(below(kinds)).unwrap()],
                states[usize::try_from(below(8)).unwrap()],
                known(below(100)),
                known(below(100)),
            ));
            let total = summary.total(at(step * 40)).unwrap();
            assert!(total.current_bytes >= last);
            assert!(total.total_bytes >= total.current_bytes);
            last = total.current_bytes;
        }
    }
}
