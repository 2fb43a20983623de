//! Secrets in command lines.

use super::pen::Pen;
use super::{head, key, uri};

/// Flags whose value is a header.
const HEADER_FLAGS: &[&[u8]] = &[b"-H", b"--header", b"--proxy-header"];
/// Flags whose value is `user:password`.
const USER_FLAGS: &[&[u8]] = &[b"-u", b"--user", b"--proxy-user"];
/// Programs whose `-p` is a package, a port, a project or a path.
const P_IS_HARMLESS: &[&str] = &[
    "npx", "npm", "pnpm", "bunx", "yarn", "docker", "podman", "ssh", "mkdir", "node", "uvx", "uv", "pipx",
    "cargo", "python", "python3", "lsof", "cp", "install", "bash",
];
/// Programs that take a password without a blank behind `-p`.
const P_TAKES_REST: &[&str] = &["mysql", "mysqldump", "mysqladmin", "mariadb", "sshpass"];

/// What the next argument is.
enum Next {
    Any,
    Secret(&'static str),
    Header,
    User,
}

/// Writes the arguments with blanks between them, those with blanks inside in quotes.
pub(super) fn write(pen: &mut Pen<'_>, args: &[&[u8]]) {
    let program = args.first().map(|path| String::from_utf8_lossy(path).into_owned()).unwrap_or_default();
    let program = program.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut next = Next::Any;
    for (n, arg) in args.iter().enumerate() {
        if n > 0 {
            pen.plain(" ");
        }
        let quote = if arg.is_empty() || arg.iter().any(u8::is_ascii_whitespace) { "'" } else { "" };
        pen.plain(quote);
        next = match next {
            Next::Any => argument(pen, program, arg),
            Next::Secret(_) if is_flag(arg) => argument(pen, program, arg),
            Next::Secret(class) => {
                pen.secret(class, arg);
                Next::Any
            }
            Next::Header => {
                header(pen, arg);
                Next::Any
            }
            Next::User => {
                user(pen, arg);
                Next::Any
            }
        };
        pen.plain(quote);
    }
}

/// The class of the secret that stands behind a flag of this name.
pub(super) fn class_of_flag(flag: &[u8]) -> Option<&'static str> {
    let name = flag.strip_prefix(b"--").or_else(|| flag.strip_prefix(b"-"))?;
    if name.len() < 2 || name.contains(&b'=') || name.contains(&b' ') {
        return None;
    }
    key::class_of(name)
}

fn argument(pen: &mut Pen<'_>, program: &str, arg: &[u8]) -> Next {
    if HEADER_FLAGS.contains(&arg) {
        pen.text(arg);
        return Next::Header;
    }
    if USER_FLAGS.contains(&arg) {
        pen.text(arg);
        return Next::User;
    }
    if arg == b"-p" && !P_IS_HARMLESS.contains(&program) {
        pen.text(arg);
        return Next::Secret("password");
    }
    if let Some(rest) = arg.strip_prefix(b"-p").filter(|_| P_TAKES_REST.contains(&program)) {
        pen.plain("-p");
        pen.secret("password", rest);
        return Next::Any;
    }
    if let Some(class) = class_of_flag(arg) {
        pen.text(arg);
        return Next::Secret(class);
    }
    assignment(pen, arg);
    Next::Any
}

/// `--token=x`, `KEY=x`, or anything else.
fn assignment(pen: &mut Pen<'_>, arg: &[u8]) {
    let is_name = |name: &[u8]| name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte));
    let equals = memchr::memchr(b'=', arg).filter(|at| arg.get(..*at).is_some_and(is_name));
    let Some(equals) = equals else {
        return pen.search(arg, uri::find);
    };
    let (name, value) = (arg.get(..equals).unwrap_or_default(), arg.get(equals + 1..).unwrap_or_default());
    if HEADER_FLAGS.contains(&name) {
        pen.text(name);
        pen.plain("=");
        return header(pen, value);
    }
    match key::class_of(name) {
        Some(class) => {
            pen.text(name);
            pen.plain("=");
            pen.secret(class, value);
        }
        None => pen.search(arg, uri::find),
    }
}

fn header(pen: &mut Pen<'_>, arg: &[u8]) {
    let colon = memchr::memchr(b':', arg);
    let parts = colon.and_then(|at| Some((std::str::from_utf8(arg.get(..at)?).ok()?, arg.get(at + 1..)?)));
    match parts {
        Some((name, value)) => head::header(pen, name.trim(), value.trim_ascii()),
        None => pen.text(arg),
    }
}

/// `user:password`; `1000:1000` is a user and a group.
fn user(pen: &mut Pen<'_>, arg: &[u8]) {
    let is_ids = arg.iter().all(|byte| byte.is_ascii_digit() || *byte == b':');
    match memchr::memchr(b':', arg).filter(|_| !is_ids) {
        Some(colon) => {
            pen.text(arg.get(..=colon).unwrap_or_default());
            pen.secret("password", arg.get(colon + 1..).unwrap_or_default());
        }
        None => pen.text(arg),
    }
}

fn is_flag(arg: &[u8]) -> bool {
    arg.starts_with(b"--") && arg.len() > 2
}
