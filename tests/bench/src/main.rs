//! `valet-bench`: every figure we claim, measured, with how it was measured; JSON on request.
//!
//! Must not judge by figures of its own making: each subcommand says what it counts and how.
#![allow(clippy::print_stdout, reason = "printing is what a bench is for")]

mod automotive;
mod clock;
mod encoder;
mod faults;
mod figures;
mod free;
mod heard;
mod hostile;
mod idle;
mod install;
mod installed;
mod linears;
mod lines;
mod live;
mod memo;
mod memory;
mod models;
mod pairs;
mod peer;
mod products;
mod skills;
mod soak;
mod start;
mod stop;
mod turn;
mod understanding;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Measures Valet. Every figure is printed with how it was measured.
#[derive(Debug, Parser)]
#[command(name = "valet-bench", version)]
struct Arguments {
    /// Print figures as JSON, one array.
    #[arg(long, global = true)]
    json: bool,
    /// List the subcommands with what each measures, and end.
    #[arg(long)]
    list: bool,
    #[command(subcommand)]
    what: Option<What>,
}

/// One file of this crate each.
#[derive(Debug, Subcommand)]
enum What {
    /// Heads trained on one file and judged on another (JSON lines).
    Understanding(understanding::Arguments),
    /// The skills' own tests, understood with the real encoder.
    Skills(skills::Arguments),
    /// Sentences that must not act, and sentences that nobody trained with.
    Free(free::Arguments),
    /// The skills' own tests as recognisers hear them, through a running daemon.
    Heard(heard::Arguments),
    /// Two commands of the skills' own tests said in one sentence.
    Pairs(pairs::Arguments),
    /// Free requests to a car, by a published mapping to our skills.
    Automotive(automotive::Arguments),
    /// Time, load time and memory of the sentence encoder alone.
    Encoder(encoder::Arguments),
    /// The encoder's int8 products against what the processor can multiply.
    Linears(linears::Arguments),
    /// Matrices in block formats, against memory and beside llama.cpp's kernels.
    Products(products::Arguments),
    /// Whole turns over D-Bus beside an empty echo.
    Turn(turn::Arguments),
    /// From exec to ready, and until the encoder serves.
    Start(start::Arguments),
    /// From a stop to silence and the end of a turn whose skill loops.
    Stop(stop::Arguments),
    /// Resident memory, and its growth over many turns.
    Memory(memory::Arguments),
    /// Wake-ups of an idle daemon.
    Idle(idle::Arguments),
    /// Installing skills, starting with many, and what a turn in the sandbox costs.
    Install(install::Arguments),
    /// A well-behaved skill's turns while hostile ones run beside it.
    Hostile(hostile::Arguments),
    /// Very many mixed requests with hostile clients: growth, descriptors, faults.
    Soak(soak::Arguments),
    /// A fault a minute in a machine of its own: the name on the bus, deadlines, named errors, recovery.
    Faults(faults::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Some(what) = arguments.what else {
        list();
        return if arguments.list { ExitCode::SUCCESS } else { ExitCode::from(2) };
    };
    let outcome = match what {
        What::Understanding(a) => understanding::run(&a),
        What::Skills(a) => skills::run(&a),
        What::Free(a) => free::run(&a),
        What::Heard(a) => heard::run(&a),
        What::Pairs(a) => pairs::run(&a),
        What::Automotive(a) => automotive::run(&a),
        What::Encoder(a) => encoder::run(&a),
        What::Linears(a) => linears::run(&a),
        What::Products(a) => products::run(&a),
        What::Turn(a) => turn::run(&a),
        What::Start(a) => start::run(&a),
        What::Stop(a) => stop::run(&a),
        What::Memory(a) => memory::run(&a),
        What::Idle(a) => idle::run(&a),
        What::Install(a) => install::run(&a),
        What::Hostile(a) => hostile::run(&a),
        What::Soak(a) => soak::run(&a),
        What::Faults(a) => faults::run(&a),
    };
    match outcome {
        Ok(report) => {
            report.print(arguments.json);
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("valet-bench: {why:#}");
            ExitCode::FAILURE
        }
    }
}

fn list() {
    use clap::CommandFactory;
    for command in Arguments::command().get_subcommands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        println!("{:<16} {about}", command.get_name());
    }
}
