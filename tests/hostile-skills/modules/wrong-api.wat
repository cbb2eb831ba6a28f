;; Says that it was built for a contract that is not there yet.
(module
  (@custom "valet:skill-api" "9.9")
  (memory (export "memory") 2)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
  (func (export "on-message") (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (unreachable))
  (func (export "on-alarm") (param i32 i32 i32 i32 i64 i32 i32 i32 i32) (result i32) (unreachable))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (unreachable)))
