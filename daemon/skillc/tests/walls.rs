//! The walls themselves, tried: a process of this test raises one and then attempts what it must
//! not; without the wall the same attempt succeeds.
//!
//! Must not take a missing wall for a passed test in silence: what this machine lacks is said.

use rayon::ThreadPoolBuilder;
use std::{
    fs::File,
    io::Write as _,
    net::{TcpListener, UdpSocket},
    os::unix::{
        net::UnixStream,
        process::{CommandExt as _, ExitStatusExt as _},
    },
    process::{Command, ExitStatus, Stdio},
};
use valet_skillc::walls::{self, Wall};

/// Names the wall and the attempt to the process that makes it.
const ORDER: &str = "VALET_WALLS_ATTEMPT";

// What that process ends with.
const DONE: i32 = 40;
const DENIED: i32 = 41;
const FAILED: i32 = 42;
const MISSING: i32 = 43;

const SIGABRT: i32 = 6;
const SIGSYS: i32 = 31;

/// What a compiler that was taken over would try.
const ATTEMPTS: [&str; 11] = [
    "open",
    "create",
    "tcp",
    "udp",
    "unix",
    "execute",
    "fork",
    "ptrace",
    "executable-memory",
    "signal-another",
    "another-descriptor",
];

/// The thread that raises the walls, and those of the crew.
const THREADS: [&str; 3] = ["first", "0", "1"];

/// Runs this test program again as the process whose first thread attempts.
fn attempt(wall: &str, what: &str) -> ExitStatus {
    attempt_on("first", wall, what)
}

/// The same for another of its threads.
fn attempt_on(thread: &str, wall: &str, what: &str) -> ExitStatus {
    let program = std::env::current_exe().expect("its own path");
    Command::new(program)
        .args(["--exact", "attempts_in_a_process_of_its_own", "--ignored", "--nocapture"])
        // As the daemon starts the compiler: with RUST_BACKTRACE a panic would open files.
        .env_clear()
        .env(ORDER, format!("{wall} {what} {thread}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("it runs")
}

/// Whether a wall is there to be tried; said where it is not.
#[allow(clippy::print_stderr)]
fn is_here(wall: &str) -> bool {
    let here = attempt(wall, "nothing").code() != Some(MISSING);
    if !here {
        eprintln!("this machine has no wall {wall}: not tried");
    }
    here
}

/// Not a test: what [`attempt`] runs.
#[test]
#[ignore = "run by the others, in a process of its own"]
#[allow(clippy::exit)] // Nothing may happen after the attempt.
fn attempts_in_a_process_of_its_own() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let order: Vec<&str> = order.split(' ').collect();
    let [wall, what, thread] = order[..] else { panic!("a wall, an attempt and a thread") };
    // Open before, as what a careless parent leaves open would be.
    let left_open = File::options().write(true).open("/dev/null").expect("it is there");
    let parent = rustix::process::getppid().expect("this test");
    let crew = ThreadPoolBuilder::new().num_threads(2).build().expect("threads");
    let raised = match wall {
        "no" => None,
        "files" => Some(walls::everywhere(&crew, walls::files)),
        "limits" => Some(walls::limits()),
        "calls" => Some(walls::everywhere(&crew, walls::calls)),
        _ => Some(walls::raise(&crew)[2].clone()),
    };
    if raised.is_some_and(|Wall { stands, .. }| !stands) {
        std::process::exit(MISSING);
    }
    let attempt = || match what {
        "nothing" => Ok(()),
        "open" => File::open("/etc/passwd").map(drop),
        "create" => {
            let file = std::env::temp_dir().join(format!("valet-walls-{}", std::process::id()));
            File::create(&file).and_then(|_| std::fs::remove_file(file))
        }
        "tcp" => TcpListener::bind("127.0.0.1:0").map(drop),
        "udp" => UdpSocket::bind("127.0.0.1:0").map(drop),
        "unix" => UnixStream::pair().map(drop),
        "execute" => Err(Command::new("/bin/true").exec()),
        "fork" => Command::new("/bin/true").status().map(drop),
        "ptrace" => trace_another(),
        "executable-memory" => executable_memory(),
        "signal-another" => rustix::process::test_kill_process(parent).map_err(Into::into),
        "another-descriptor" => (&left_open).write_all(b"x"),
        "abort" => std::process::abort(),
        "memory" => {
            let much = vec![1_u8; usize::try_from(2 * walls::MAX_MEMORY_BYTES).unwrap_or(0)];
            (&left_open).write_all(&much[..1])
        }
        other => panic!("{other} is no attempt"),
    };
    // Whoever is taken over may be one of the threads that compile.
    let theirs = crew.broadcast(|who| (who.index().to_string() == thread).then(&attempt));
    let result = theirs.into_iter().flatten().next().unwrap_or_else(&attempt);
    std::process::exit(match result {
        Ok(()) => DONE,
        Err(error) => match error.kind() {
            std::io::ErrorKind::PermissionDenied => DENIED,
            _ => FAILED,
        },
    });
}

/// Traces a process that cannot exist; that the kernel says so means that it was asked.
#[allow(unsafe_code)]
fn trace_another() -> std::io::Result<()> {
    // SAFETY: the request takes no pointer, and there is nobody whom it could stop.
    let done = unsafe { libc::ptrace(libc::PTRACE_ATTACH, i32::MAX, 0, 0) };
    let error = std::io::Error::last_os_error();
    if done == 0 || error.raw_os_error() == Some(libc::ESRCH) { Ok(()) } else { Err(error) }
}

#[allow(unsafe_code)]
fn executable_memory() -> std::io::Result<()> {
    let (rights, kind) = (libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE | libc::MAP_ANON);
    // SAFETY: a new mapping wherever the kernel likes, which nothing refers to.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), 4096, rights, kind, -1, 0) };
    if page == libc::MAP_FAILED { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

#[test]
fn without_a_wall_all_of_it_succeeds() {
    for what in ATTEMPTS {
        let status = attempt("no", what);
        // What is executed ends as it likes, with 0.
        let fine = if what == "execute" { status.success() } else { status.code() == Some(DONE) };
        assert!(fine, "{what}: {status}");
    }
}

#[test]
fn a_call_that_compiling_needs_not_kills_the_process() {
    if !is_here("calls") {
        return;
    }
    assert_eq!(attempt("calls", "nothing").code(), Some(DONE));
    for what in ATTEMPTS {
        let status = attempt("calls", what);
        assert_eq!(status.signal(), Some(SIGSYS), "{what}: {status}");
    }
}

#[test]
fn landlock_alone_denies_files_and_tcp() {
    if !is_here("files") {
        return;
    }
    assert_eq!(attempt("files", "nothing").code(), Some(DONE));
    for (what, thread) in
        [("open", "0"), ("open", "1"), ("open", "first"), ("create", "first"), ("execute", "first")]
    {
        assert_eq!(attempt_on(thread, "files", what).code(), Some(DENIED), "{what} by {thread}");
    }
    let wall = listed().into_iter().find(|line| line.starts_with("files\t")).expect("listed");
    for (what, means) in [("tcp", " tcp"), ("signal-another", " signals"), ("udp", " udp")] {
        let expected = if wall.contains(means) { DENIED } else { DONE };
        assert_eq!(attempt("files", what).code(), Some(expected), "{what}: {wall}");
    }
}

#[test]
fn no_file_is_opened_beyond_the_limit() {
    for what in ["open", "create", "tcp", "udp", "unix"] {
        assert_eq!(attempt("limits", what).code(), Some(FAILED), "{what}");
    }
}

#[test]
fn the_walls_stand_around_each_thread_that_compiles() {
    if !is_here("calls") {
        return;
    }
    for thread in THREADS {
        assert_eq!(attempt_on(thread, "every", "nothing").code(), Some(DONE));
        for what in ATTEMPTS {
            let status = attempt_on(thread, "every", what);
            assert_eq!(status.signal(), Some(SIGSYS), "{what} by {thread}: {status}");
        }
    }
}

#[test]
fn what_goes_wrong_behind_all_walls_is_not_taken_for_a_break_in() {
    for what in ["abort", "memory"] {
        let status = attempt("every", what);
        assert_eq!(status.signal(), Some(SIGABRT), "{what}: {status}");
    }
}

/// What the product says stands on this machine.
fn listed() -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_valet-skillc")).arg("--walls").output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_product_lists_what_stands_and_nothing_else() {
    let lines = listed();
    let fields: Vec<Vec<&str>> = lines.iter().map(|line| line.split('\t').collect()).collect();
    let names: Vec<&str> = fields.iter().map(|line| line[0]).collect();
    assert_eq!(names, ["files", "limits", "calls"]);
    for line in &fields {
        let here = is_here(line[0]);
        assert_eq!(line[1], if here { "stands" } else { "missing" }, "{line:?}");
        assert!(line.len() == 3 && !line[2].is_empty(), "{line:?}");
    }
}

#[test]
fn the_product_is_behind_its_walls_before_it_reads() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_valet-skillc"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // More than a pipe holds: when all is written, some has been read.
    stdin.write_all(&[0; 256 << 10]).expect("it reads");
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).expect("it lives");
    let read = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.expect("a thread").path().join("status")).expect("it lives")
    };
    let threads: Vec<String> = tasks.map(read).collect();
    drop(stdin);
    assert_eq!(child.wait().expect("it ends").code(), Some(3), "zeros are no component");
    assert!((2..=5).contains(&threads.len()), "one that reads and those that compile: {threads:?}");
    for status in threads {
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("it is said");
            line.split_whitespace().nth(1).expect("a value").to_owned()
        };
        if is_here("calls") {
            assert_eq!((field("Seccomp:"), field("NoNewPrivs:")), ("2".into(), "1".into()));
        }
    }
}

#[test]
fn the_shipped_units_let_the_walls_be_raised() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for unit in ["systemd/system/valetd.service", "systemd/user/valetd-user.service"] {
        let text = std::fs::read_to_string(root.join(unit)).expect("it is shipped");
        let filters = text.lines().filter_map(|line| line.strip_prefix("SystemCallFilter="));
        let allowed: Vec<&str> = filters
            .filter(|calls| !calls.starts_with('~'))
            .flat_map(str::split_whitespace)
            .collect();
        for call in ["landlock_create_ruleset", "landlock_restrict_self", "seccomp"] {
            assert!(allowed.contains(&call), "{unit} forbids {call}");
        }
    }
}
