//! A warm process allocates nothing for a record.

use flowlogs_testing::pipeline::{self, FORMATS, Pipeline, RECORDS};

#[test]
fn an_invocation_allocates_a_few_times_and_not_for_each_record() {
    for name in FORMATS {
        let format = pipeline::format(name);
        let mut pipeline = Pipeline::new(&format, true);
        for minute in 0..3 {
            pipeline.invoke(&pipeline::payload(&format, minute));
        }
        let payload = pipeline::payload(&format, 3);
        let used = allocation_counter::measure(|| pipeline.invoke(&payload));
        let allocations = used.count_total;
        assert!(
            allocations < 100,
            "{name}: {allocations} allocations for {RECORDS} records"
        );
    }
}

#[test]
fn a_later_invocation_allocates_no_more_than_an_earlier_one() {
    let format = pipeline::format("v2");
    let mut pipeline = Pipeline::new(&format, true);
    let allocations = |minute| {
        let payload = pipeline::plain_payload(&format, minute, 1);
        allocation_counter::measure(|| pipeline.invoke(&payload)).count_total
    };
    let all: Vec<u64> = (0..50).map(allocations).collect();
    let (early, late) = (&all[5..15], &all[40..]);
    assert!(
        late.iter().max() <= early.iter().max(),
        "{early:?}, then {late:?}"
    );
}
