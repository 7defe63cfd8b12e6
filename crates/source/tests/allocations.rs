//! A warm process allocates nothing for a record.

#[path = "../benches/way/mod.rs"]
#[allow(dead_code)] // the benchmarks use the rest
mod way;

use way::{FORMATS, RECORDS, Way};

#[test]
fn an_invocation_allocates_a_few_times_and_not_for_each_record() {
    for name in FORMATS {
        let format = way::format(name);
        let mut way = Way::new(&format, true);
        for minute in 0..3 {
            way.invoke(&way::payload(&format, minute));
        }
        let payload = way::payload(&format, 3);
        let used = allocation_counter::measure(|| way.invoke(&payload));
        let allocations = used.count_total;
        assert!(
            allocations < 100,
            "{name}: {allocations} allocations for {RECORDS} records"
        );
    }
}

#[test]
fn a_later_invocation_allocates_no_more_than_an_earlier_one() {
    let format = way::format("v2");
    let mut way = Way::new(&format, true);
    let allocations = |minute| {
        let payload = way::json(&format, minute);
        allocation_counter::measure(|| way.invoke_inflated(&payload)).count_total
    };
    let all: Vec<u64> = (0..50).map(allocations).collect();
    let (early, late) = (&all[5..15], &all[40..]);
    assert!(
        late.iter().max() <= early.iter().max(),
        "{early:?}, then {late:?}"
    );
}
