use proptest::prelude::*;

use super::*;

const fn at(nanos: u64) -> Nanos {
    Nanos(nanos)
}

#[test]
fn a_plain_call_is_wire_then_tapgate_then_server_then_wire() {
    let mut split = Split::new(at(100));
    split.hold(at(130), Leg::Client, Hand::Server);
    split.pass(at(135), Leg::Client);
    split.give(at(1135), Hand::Wire);
    let (clock, _) = split.finish(at(1142));
    assert_eq!(clock, Some(Clock { wire: 37, tapgate: 5, server: 1000, ..Clock::default() }));
}

#[test]
fn a_pass_that_is_told_after_the_answer_costs_the_answer_nothing() {
    let mut split = Split::new(at(0));
    split.hold(at(10), Leg::Client, Hand::Server);
    // The answer was read before anybody told that the request had gone.
    split.give(at(50), Hand::Wire);
    assert_eq!(split.pass(at(60), Leg::Client), None);
    assert_eq!(split.finish(at(55)).0, Some(Clock { wire: 15, server: 40, ..Clock::default() }));
}

#[test]
fn a_stamp_that_goes_back_takes_back_what_was_spent_too_much() {
    let mut split = Split::new(at(0));
    split.hold(at(10), Leg::Client, Hand::Server);
    split.pass(at(60), Leg::Client);
    split.give(at(50), Hand::Wire);
    assert_eq!(split.finish(at(55)).0, Some(Clock { wire: 15, tapgate: 40, ..Clock::default() }));
}

#[test]
fn a_person_who_is_asked_inside_has_the_call_in_hand() {
    let mut outer = Split::new(at(0));
    outer.hold(at(0), Leg::Client, Hand::Server);
    outer.pass(at(10), Leg::Client);
    let mut inner = Split::new(at(110));
    outer.shift(at(110), Shift { was: None, is: Some(Hand::Wire), proved: None });
    outer.shift(at(110), inner.hold(at(110), Leg::Server, Hand::Person));
    outer.shift(at(120), inner.pass(at(120), Leg::Server).unwrap());
    assert_eq!(outer.in_hand(), (Hand::Person, at(120)));
    outer.shift(at(5120), inner.give(at(5120), Hand::Wire));
    let (clock, shift) = inner.finish(at(5121));
    assert_eq!(clock, Some(Clock { tapgate: 10, person: 5000, wire: 1, ..Clock::default() }));
    outer.shift(at(5121), shift);
    outer.give(at(5221), Hand::Wire);
    let all = Clock { tapgate: 20, server: 200, person: 5000, wire: 1, ..Clock::default() };
    assert_eq!(outer.finish(at(5221)).0, Some(all));
}

proptest! {
    #[test]
    fn the_parts_are_the_whole_whatever_happens(
        steps in prop::collection::vec((0u64..50, 0u8..6, 0usize..6), 0..60),
        end in 0u64..100,
    ) {
        let hands =
            [Hand::Client, Hand::Tapgate, Hand::Wire, Hand::Server, Hand::Person, Hand::Injected];
        let mut split = Split::new(at(1000));
        let mut now = 1000;
        for (after, what, hand) in steps {
            now += after;
            let hand = hands[hand];
            match what {
                0 => drop(split.give(at(now), hand)),
                1 => drop(split.hold(at(now), Leg::Client, hand)),
                2 => drop(split.pass(at(now + 7), Leg::Client)),
                3 => drop(split.shift(at(now), Shift { was: None, is: Some(hand), proved: None })),
                4 => drop(split.shift(at(now), Shift { was: Some(hand), is: None, proved: Some(hand) })),
                _ => split.was_served(),
            }
        }
        let closed = at(now + end);
        if let (Some(clock), _) = split.finish(closed) {
            let Clock { client, tapgate, wire, server, person, injected } = clock;
            prop_assert_eq!(client + tapgate + wire + server + person + injected, closed.0 - 1000);
        }
    }
}
