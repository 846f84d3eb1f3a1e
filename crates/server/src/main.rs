//! The program `offhook`.

use std::process::ExitCode;

fn main() -> ExitCode {
    offhook_server::cli::main()
}
