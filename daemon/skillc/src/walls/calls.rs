//! The few system calls that compiling makes, as a seccomp filter; any other kills the process.
//!
//! The list was measured (`strace -f` over the shipped skills) with an engine and threads that exist already:
//! reading, writing, memory and waiting for each other. Beyond what was seen it has what a process ends with,
//! in peace or not, so that running out of memory is not taken for a break-in. Must not
//! hold a call that opens, starts or reaches anything.

use super::Wall;
use libc::{
    BPF_ABS, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, SECCOMP_RET_ALLOW,
    SECCOMP_RET_KILL_PROCESS, c_long,
};
use seccompiler::{BpfProgram, apply_filter, sock_filter};

const NAME: &str = "calls";

/// How the kernel names this architecture in what a filter sees (`AUDIT_ARCH_…`).
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: Option<u32> = Some(0xc000_003e);
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: Option<u32> = Some(0xc000_00b7);
#[cfg(all(target_arch = "arm", target_endian = "little"))]
const ARCHITECTURE: Option<u32> = Some(0x4000_0028);
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    all(target_arch = "arm", target_endian = "little")
)))]
const ARCHITECTURE: Option<u32> = None;

#[cfg(target_arch = "arm")]
const MMAP: c_long = libc::SYS_mmap2;
#[cfg(not(target_arch = "arm"))]
const MMAP: c_long = libc::SYS_mmap;

/// The forms with 64-bit times that 32-bit systems have besides, `clock_gettime64` and
/// `futex_time64`, which the library does not name.
#[cfg(target_arch = "arm")]
const OF_32_BITS: &[c_long] = &[403, 422];
#[cfg(not(target_arch = "arm"))]
const OF_32_BITS: &[c_long] = &[];

// Where the parts of `struct seccomp_data` lie; arguments are 64 bits wide, and the lower half of
// a little-endian one comes first.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;

const KILL: sock_filter = statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
const ALLOW: sock_filter = statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

/// When a call is let through.
enum When {
    Always,
    /// Its first argument is one of these.
    First(Vec<u32>),
    /// Its third argument asks for no executable memory.
    NotExecutable,
}

/// Leaves this thread, and what it starts, nothing but the calls of the list.
#[must_use]
pub fn calls() -> Wall {
    let Some(architecture) = ARCHITECTURE else {
        return Wall::missing(NAME, "the calls of this architecture are not listed");
    };
    let allowed = allowed(std::process::id());
    match apply_filter(&program(architecture, &allowed)) {
        Ok(()) => Wall::stands(NAME, format!("seccomp-calls={} kills-at-others", allowed.len())),
        Err(error) => Wall::missing(NAME, format!("seccomp fails: {error}")),
    }
}

fn allowed(own_process: u32) -> Vec<(c_long, When)> {
    let mut allowed = vec![
        // Nothing else that happens to be open.
        (libc::SYS_read, When::First(vec![0])),
        (libc::SYS_write, When::First(vec![1, 2])),
        (MMAP, When::NotExecutable),
        (libc::SYS_mprotect, When::NotExecutable),
        // An abort ends this process and no other.
        (libc::SYS_tgkill, When::First(vec![own_process])),
    ];
    let always = [
        libc::SYS_exit_group,
        libc::SYS_exit,
        libc::SYS_brk,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_madvise,
        libc::SYS_getrandom,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_clock_gettime,
        libc::SYS_restart_syscall,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_sigaltstack,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
    ];
    allowed.extend(always.iter().chain(OF_32_BITS).map(|number| (*number, When::Always)));
    allowed
}

/// The filter: one block a call, which either answers or goes on to the next.
fn program(architecture: u32, allowed: &[(c_long, When)]) -> BpfProgram {
    let mut program = vec![load(ARCH), jump(BPF_JEQ, architecture, 1, 0), KILL, load(NUMBER)];
    for (number, when) in allowed {
        // Numbers of calls are small on every architecture.
        let number = u32::try_from(*number).unwrap_or(u32::MAX);
        let judged = match when {
            When::Always => vec![ALLOW],
            When::First(values) => one_of(values),
            When::NotExecutable => {
                let executable = libc::PROT_EXEC.cast_unsigned();
                vec![load(ARGUMENTS + 2 * 8), jump(BPF_JSET, executable, 0, 1), KILL, ALLOW]
            }
        };
        let length = u8::try_from(judged.len()).unwrap_or(u8::MAX);
        program.push(jump(BPF_JEQ, number, 0, length));
        program.extend(judged);
    }
    program.push(KILL);
    program
}

fn one_of(values: &[u32]) -> BpfProgram {
    let mut block = vec![load(ARGUMENTS)];
    for (at, value) in values.iter().enumerate() {
        // Over those that follow and over the kill; there are two at most.
        let over = u8::try_from(values.len() - at).unwrap_or(u8::MAX);
        block.push(jump(BPF_JEQ, *value, over, 0));
    }
    block.extend([KILL, ALLOW]);
    block
}

const fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

const fn load(offset: u32) -> sock_filter {
    statement(BPF_LD | BPF_W | BPF_ABS, offset)
}

const fn jump(test: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: (BPF_JMP | test | BPF_K) as u16, jt, jf, k }
}
