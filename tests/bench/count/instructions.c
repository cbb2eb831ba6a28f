/*
 * Counts the instructions that a program executes under qemu's user mode: a plugin, interface 1.
 *
 * For aarch64 programs; says how many were vector or float instructions, loads and stores, and branches,
 * by the main encoding groups of A64 (Arm Architecture Reference Manual, C4.1). The count
 * repeats exactly. Writes one line of JSON to the file named by the argument `to`, at the end.
 * No header of the interface is packaged, so what is used of it is declared here, as qemu documents it.
 * Must not change what the program does.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

/* The only operation of an inline counter: add. */
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t at);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction);
extern void qemu_plugin_register_vcpu_tb_trans_cb(
    plugin_id id, void (*translated)(plugin_id id, struct qemu_plugin_tb *block));
extern void qemu_plugin_register_vcpu_tb_exec_inline(
    struct qemu_plugin_tb *block, enum qemu_plugin_op op, void *counter, uint64_t by);
extern void qemu_plugin_register_atexit_cb(
    plugin_id id, void (*ended)(plugin_id id, void *data), void *data);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

enum group { VECTOR, MEMORY, BRANCH, OTHER, GROUPS };

static uint64_t counts[GROUPS];
static const char *to;

static enum group group_of(uint32_t instruction)
{
    uint32_t op0 = instruction >> 25 & 15;

    if ((op0 & 7) == 7)
        return VECTOR;
    if ((op0 & 5) == 4)
        return MEMORY;
    if ((op0 & 14) == 10)
        return BRANCH;
    return OTHER;
}

/* Called once for each block of instructions; adds the block's numbers each time that it runs. */
static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
    uint64_t in_block[GROUPS] = {0};
    size_t length = qemu_plugin_tb_n_insns(block);

    (void)id;
    for (size_t at = 0; at < length; at++) {
        uint32_t instruction;

        memcpy(&instruction, qemu_plugin_insn_data(qemu_plugin_tb_get_insn(block, at)), sizeof instruction);
        in_block[group_of(instruction)]++;
    }
    for (int group = 0; group < GROUPS; group++) {
        if (in_block[group] > 0)
            qemu_plugin_register_vcpu_tb_exec_inline(
                block, QEMU_PLUGIN_INLINE_ADD_U64, &counts[group], in_block[group]);
    }
}

static void ended(plugin_id id, void *data)
{
    FILE *file = fopen(to, "w");

    (void)id;
    (void)data;
    if (file == NULL) {
        perror(to);
        return;
    }
    fprintf(file,
        "{\"instructions\": %" PRIu64 ", \"vector\": %" PRIu64 ", \"memory\": %" PRIu64
        ", \"branch\": %" PRIu64 "}\n",
        counts[VECTOR] + counts[MEMORY] + counts[BRANCH] + counts[OTHER], counts[VECTOR], counts[MEMORY],
        counts[BRANCH]);
    fclose(file);
}

__attribute__((visibility("default"))) int qemu_plugin_install(
    plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int at = 0; at < argc; at++) {
        if (strncmp(argv[at], "to=", 3) == 0)
            to = argv[at] + 3;
    }
    if (to == NULL) {
        fprintf(stderr, "instructions: the argument to=FILE is missing\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
