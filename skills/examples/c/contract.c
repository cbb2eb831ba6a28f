// Marks the component with the version of the contract that it is built for. A skill of your own takes this file as it
// is.
//
// Must not hold code that runs: the host reads the file, it never calls this.

// The host looks for this section, and it must say what `api` in skill.toml says. It is written in assembly because a
// variable in C would land in the module's memory.
__asm__(".section \".custom_section.valet:skill-api\",\"\",@\n"
        ".ascii \"0.1\"\n"
        ".section .text,\"\",@\n");

// generated/skill.c refers to this symbol, so that an object file with the component's type is never left out by
// accident. Here the linker reads the type from the contract's text, and there is no such object file.
void __component_type_object_force_link_skill(void);
void __component_type_object_force_link_skill(void) {}
