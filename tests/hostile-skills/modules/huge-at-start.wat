;; Wants more memory to begin with than it asked for in its manifest.
(module
  (@custom "valet:skill-api" "0.1")
  (memory (export "memory") 2048)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
  (func (export "on-message") (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (unreachable))
  (func (export "on-alarm") (param i32 i32 i32 i32 i64 i32 i32 i32 i32) (result i32) (unreachable))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (unreachable)))
