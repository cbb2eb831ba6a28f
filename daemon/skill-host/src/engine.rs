//! The one engine configuration, shared by the host that runs code and by `valet-skillc`
//! that makes it, and the id that says which code fits.
//!
//! Must not be configured from outside: what is fixed at build time cannot be got wrong on
//! a board.

use crate::{
    error::HostError,
    limits::{MAX_INSTANCES, MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES},
};
use sha2::{Digest, Sha256};
use valet_package::manifest::MAX_MEMORY_BYTES;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, ModuleVersionStrategy, PoolingAllocationConfig,
};

/// Stack of a guest, bytes.
pub const GUEST_STACK_BYTES: usize = 256 << 10;
/// Address space set aside for a guest's memory where addresses are few, bytes: what most need, for a larger one moves when
/// it grows. Elsewhere it is what a manifest may ask for at most.
const FEW_BYTES: u64 = 16 << 20;
/// Unmapped pages behind a memory, bytes.
const MEMORY_GUARD_BYTES: u64 = 64 << 10;
/// What of a memory and of a table stays mapped between two guests, wiped, bytes.
const KEPT_BYTES: usize = 64 << 10;

/// Goes into the engine id: raise it with every change of [`config`].
const CONFIG_REVISION: &str = "valet engine configuration 4";

/// A kind of machine that code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// 64-bit ARM.
    Aarch64,
    /// 64-bit x86.
    X86_64,
    /// Bytecode that wasmtime interprets where addresses have 32 bits: it has no compiler for such processors.
    Pulley32,
    /// The same for 64 bits.
    Pulley64,
}

impl Target {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Aarch64, Self::X86_64, Self::Pulley32, Self::Pulley64];

    /// What this program runs.
    #[must_use]
    pub const fn current() -> Self {
        if cfg!(target_arch = "aarch64") {
            Self::Aarch64
        } else if cfg!(target_arch = "x86_64") {
            Self::X86_64
        } else if cfg!(target_pointer_width = "64") {
            Self::Pulley64
        } else {
            Self::Pulley32
        }
    }

    /// What a program for this triple runs, whoever is its vendor; `None` for a triple that nobody tried.
    #[must_use]
    pub fn of_triple(triple: &str) -> Option<Self> {
        let (machine, rest) = triple.split_once('-')?;
        match machine {
            _ if !rest.split('-').any(|part| part == "linux") => None,
            "aarch64" => Some(Self::Aarch64),
            "x86_64" => Some(Self::X86_64),
            "arm" | "armv7" | "thumbv7neon" => Some(Self::Pulley32),
            _ => None,
        }
    }

    /// As wasmtime has it. A name without features means the oldest processors: the code of one board, or one made for an
    /// image, runs on all of the same architecture.
    const fn name(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Pulley32 => "pulley32",
            Self::Pulley64 => "pulley64",
        }
    }

    const fn has_many_addresses(self) -> bool {
        !matches!(self, Self::Pulley32)
    }
}

/// Names the engine that made a piece of code: wasmtime's exact version, the target and
/// our configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineId([u8; 32]);

impl EngineId {
    /// The id of the engine built into this program.
    #[must_use]
    pub fn current() -> Self {
        Self::of(Target::current())
    }

    /// The id of the engine of this version on another kind of machine.
    #[must_use]
    pub fn of(target: Target) -> Self {
        let mut hash = Sha256::new();
        for part in [env!("VALET_WASMTIME_VERSION"), target.name(), CONFIG_REVISION] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        Self(hash.finalize().into())
    }

    /// 64 hex digits.
    #[must_use]
    pub fn hex(self) -> String {
        hex(&self.0)
    }
}

/// Bytes as lower-case hex digits.
#[must_use]
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| [b >> 4, b & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

fn config(target: Target) -> Result<Config, wasmtime::Error> {
    let mut config = Config::new();
    let reserved = if target.has_many_addresses() { MAX_MEMORY_BYTES } else { FEW_BYTES };
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .consume_fuel(false)
        .max_wasm_stack(GUEST_STACK_BYTES)
        .memory_reservation(reserved)
        .memory_reservation_for_growth(0)
        .memory_guard_size(MEMORY_GUARD_BYTES)
        .memory_may_move(true)
        .generate_address_map(false)
        .native_unwind_info(true)
        .wasm_backtrace_max_frames(None);
    // Off because no skill needs it and each has been the place of an escape or a crash.
    // Threads, garbage collection and stack switching are not even compiled in.
    config
        .wasm_simd(false)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false)
        .wasm_extended_const(false);
    config.target(target.name())?;
    config.module_version(ModuleVersionStrategy::Custom(EngineId::of(target).hex()))?;
    Ok(config)
}

/// Makes the engine of a program that compiles for this kind of machine. A process makes one.
///
/// # Errors
/// [`HostError::Engine`] when this program has no compiler for it.
pub fn compiler(target: Target) -> Result<Engine, HostError> {
    made(config(target))
}

/// Makes the engine of a program that runs code, so many guests at once. Where addresses are plenty, their memories lie ready:
/// to map and unmap them anew is half of what a short turn costs.
///
/// # Errors
/// [`HostError::Engine`] when this machine cannot run it.
pub fn engine_for(guests: usize) -> Result<Engine, HostError> {
    let target = Target::current();
    let mut config = config(target);
    if let (true, Ok(config)) = (target.has_many_addresses(), &mut config) {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(guests)));
    }
    made(config)
}

fn made(config: Result<Config, wasmtime::Error>) -> Result<Engine, HostError> {
    config
        .and_then(|config| Engine::new(&config))
        .map_err(|e| HostError::Engine { why: format!("{e:#}") })
}

/// Room for so many guests, each with all that a store may have.
fn pool(guests: usize) -> PoolingAllocationConfig {
    let each = |most: usize| u32::try_from(guests.saturating_mul(most)).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(each(1))
        .total_core_instances(each(MAX_INSTANCES))
        .total_memories(each(MAX_MEMORIES))
        .total_tables(each(MAX_TABLES))
        .max_tables_per_module(u32::try_from(MAX_TABLES).unwrap_or(u32::MAX))
        .table_elements(MAX_TABLE_ELEMENTS)
        .max_memory_size(usize::try_from(MAX_MEMORY_BYTES).unwrap_or(usize::MAX))
        .linear_memory_keep_resident(KEPT_BYTES)
        .table_keep_resident(KEPT_BYTES);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_engine_starts_and_each_kind_of_machine_has_an_id_of_its_own() {
        engine_for(1).expect("an engine");
        let ids: BTreeSet<String> = Target::ALL.map(|target| EngineId::of(target).hex()).into();
        assert_eq!(ids.len(), Target::ALL.len());
        assert!(ids.contains(&EngineId::current().hex()) && ids.iter().all(|id| id.len() == 64));
    }

    #[test]
    fn hex_is_lower_case_and_keeps_leading_zeros() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa5]), "000fa5");
    }
}
