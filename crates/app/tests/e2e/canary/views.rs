//! Everything that a person can look at, in each form.

use std::thread;
use std::time::Duration;

use super::search::Search;
use crate::support::{Home, Ran};

const FORMS: [&str; 2] = ["--table", "--json"];

/// Looks at the commands that show many things at once, which also work while a tap runs.
pub(crate) fn look_at_lists(home: &Home, search: &mut Search<'_>) {
    let lists: [&[&str]; 7] = [
        &["ls"],
        &["calls", "--limit", "0"],
        &["tail", "--once", "--lines", "99999"],
        &["stats"],
        &["explain"],
        &["show", "last"],
        &["show", "--wire", "last"],
    ];
    wait_for_the_first_batch(home);
    for list in lists {
        for form in FORMS {
            let args = [list, &[form]].concat();
            let ran = home.run(&args);
            assert_eq!((ran.code, ran.err().as_str()), (Some(0), ""), "{args:?}");
            assert!(!ran.stdout.is_empty(), "{args:?} prints nothing");
            search.look(&args.join(" "), &ran.stdout);
        }
    }
}

/// A tap writes in batches: on a busy machine the first one may take a while, and until then lists are empty.
fn wait_for_the_first_batch(home: &Home) {
    let is_there = || !home.run(&["calls", "--json"]).stdout.is_empty();
    for _ in 0..200 {
        if is_there() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("nothing was recorded within ten seconds");
}

/// Looks at all files and all views of a journal that is complete, and checks that `n_asked` exchanges are in it,
/// each with placeholders: where nothing is recorded, nothing can leak.
pub(crate) fn look_at_everything(home: &Home, search: &mut Search<'_>, n_asked: usize) {
    look_at_lists(home, search);
    search.look_into_files(home.path());
    let calls = home.calls();
    assert_eq!(calls.len(), n_asked, "every request is an exchange");
    let ids: Vec<&str> = calls.iter().map(|call| call["id"].as_str().unwrap()).collect();
    let shown = thread::scope(|scope| {
        let halves: Vec<_> =
            ids.chunks(ids.len().div_ceil(2)).map(|ids| scope.spawn(|| show_each(home, ids))).collect();
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect::<Vec<_>>()
    });
    for (args, ran) in shown {
        assert_eq!((ran.code, ran.err().as_str()), (Some(0), ""), "{args}");
        let sign = if args.ends_with("--json") { "\"masked\":[\"" } else { " masked: " };
        assert!(ran.out().contains(sign), "{args} masked nothing: {}", ran.out());
        search.look(&args, &ran.stdout);
    }
    for session in home.json(&["ls"]) {
        if let Some(id) = session["session"].as_str() {
            look_at_session(home, search, id);
        }
    }
}

fn show_each(home: &Home, ids: &[&str]) -> Vec<(String, Ran)> {
    let both = ids.iter().flat_map(|id| FORMS.map(|form| (id, form)));
    both.map(|(id, form)| (format!("show {id} {form}"), home.run(&["show", id, form]))).collect()
}

fn look_at_session(home: &Home, search: &mut Search<'_>, id: &str) {
    for form in FORMS {
        for args in [["show", id, form].as_slice(), &["show", "--wire", id, form]] {
            let ran = home.run(args);
            assert_eq!((ran.code, ran.err().as_str()), (Some(0), ""), "{args:?}");
            search.look(&args.join(" "), &ran.stdout);
        }
    }
}
