;; Returns a pointer to nowhere, and kinds of results that there are not.
(module
  (@custom "valet:skill-api" "0.1")
  (memory (export "memory") 2)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
  (func (export "on-message") (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (unreachable))
  (func (export "on-alarm") (param i32 i32 i32 i32 i64 i32 i32 i32 i32) (result i32) (unreachable))
  (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (memory.fill (i32.const 0) (i32.const 255) (i32.const 1024))
    (i32.const 0)))
