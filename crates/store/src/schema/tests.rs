use super::*;

fn version_in(connection: &Connection) -> i64 {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

const STEP_1: &str = "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (7);";
const STEP_2: &str = "ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 8;";

#[test]
fn an_older_journal_is_migrated_with_what_is_in_it() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &[STEP_1]).unwrap();
    assert_eq!(version_in(&connection), 1);
    connection.execute("INSERT INTO a VALUES (9)", []).unwrap();

    migrate(&mut connection, &[STEP_1, STEP_2]).unwrap();
    assert_eq!(version_in(&connection), 2);
    let sum: i64 = connection.query_row("SELECT sum(x + y) FROM a", [], |row| row.get(0)).unwrap();
    assert_eq!(sum, 7 + 8 + 9 + 8);

    migrate(&mut connection, &[STEP_1, STEP_2]).unwrap();
    let n: i64 = connection.query_row("SELECT count(*) FROM a", [], |row| row.get(0)).unwrap();
    assert_eq!(n, 2, "a step runs once");
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &[STEP_1]).unwrap();
    assert!(migrate(&mut connection, &[STEP_1, STEP_2, "CREATE TABLE a (x)"]).is_err());
    assert_eq!(version_in(&connection), 1);
    assert!(connection.prepare("SELECT y FROM a").is_err());
}

#[test]
fn a_viewer_reads_the_journal_of_an_older_tapgate_that_goes_on_writing() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(dir.path());
    let mut older = Connection::open(home.journal()).unwrap();
    migrate(&mut older, &STEPS[..1]).unwrap();
    let insert =
        "INSERT INTO source (name, server, client_transport, server_transport, pid, started, lost_bytes,
        lost_records, lost_record_bytes) VALUES ('a', 'b', 0, 0, 1, 0, 0, 0, 0)";
    older.execute(insert, []).unwrap();
    let reader = open_to_read(&home.journal()).unwrap().unwrap();
    assert_eq!(version_in(&reader), known_version());
    older.execute(insert, []).unwrap();
    let legs: (i64, i64) = reader
        .query_row("SELECT count(*), sum(leg) FROM source", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(legs, (2, 0), "what an older tapgate records is the client's leg");
}

#[test]
fn an_empty_file_becomes_a_journal() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(dir.path());
    std::fs::write(home.journal(), b"").unwrap();
    assert!(open_to_read(&home.journal()).unwrap().is_none());
    let connection = open_to_write(&home, &Arc::default()).unwrap();
    assert_eq!(version_in(&connection), known_version());
    assert!(open_to_read(&home.journal()).unwrap().is_some());
}

#[test]
fn a_version_that_is_only_in_the_log_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(dir.path());
    let connection = open_to_write(&home, &Arc::default()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let expected = Trouble::NewerVersion { path: home.journal(), found: 99, known: known_version() };
    assert_eq!(open_to_write(&home, &Arc::default()).unwrap_err(), expected);
    assert_eq!(open_to_read(&home.journal()).unwrap_err(), expected);
}

#[test]
fn a_journal_with_a_view_in_place_of_a_table_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(dir.path());
    let connection = open_to_write(&home, &Arc::default()).unwrap();
    connection.execute_batch("DROP TABLE source; CREATE VIEW source AS SELECT 1").unwrap();
    let expected = Trouble::NotAJournal { path: home.journal() };
    assert_eq!(open_to_read(&home.journal()).unwrap_err(), expected);
    assert_eq!(open_to_write(&home, &Arc::default()).unwrap_err(), expected);
}
