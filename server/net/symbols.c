/* SPDX-License-Identifier: MIT */
#include "net/symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The program's own header, where it was loaded: the linker knows the name. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static bool is_within(const struct symbols *s, uint64_t offset, uint64_t bytes)
{
    return offset <= s->file_bytes && bytes <= s->file_bytes - offset;
}

static void find_table(struct symbols *s)
{
    const ElfW(Ehdr) *header = (const void *)s->file;
    const ElfW(Shdr) * sections;

    if (s->file_bytes < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        !is_within(s, header->e_shoff, header->e_shnum * sizeof(*sections))) {
        return;
    }
    s->base = header->e_type == ET_DYN ? (uintptr_t)&__ehdr_start : 0;
    sections = (const void *)(s->file + header->e_shoff);
    for (size_t i = 0; i < header->e_shnum; i++) {
        const ElfW(Shdr) *table = &sections[i];

        if (table->sh_type == SHT_SYMTAB && table->sh_link < header->e_shnum &&
            is_within(s, table->sh_offset, table->sh_size) &&
            is_within(s, sections[table->sh_link].sh_offset, sections[table->sh_link].sh_size)) {
            s->entries = s->file + table->sh_offset;
            s->entry_count = table->sh_size / sizeof(ElfW(Sym));
            s->names = s->file + sections[table->sh_link].sh_offset;
            s->names_bytes = sections[table->sh_link].sh_size;
        }
    }
}

struct symbols symbols_open(void)
{
    struct symbols symbols = {0};
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat info;

    if (fd >= 0 && fstat(fd, &info) == 0 && info.st_size > 0) {
        void *map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

        if (map != MAP_FAILED) {
            symbols.file = map;
            symbols.file_bytes = (size_t)info.st_size;
            find_table(&symbols);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return symbols;
}

const char *symbols_find(const struct symbols *symbols, uintptr_t address, size_t *offset)
{
    const ElfW(Sym) *entries = symbols->entries;

    for (size_t i = 0; i < symbols->entry_count; i++) {
        uintptr_t start = symbols->base + entries[i].st_value;

        if (ELF64_ST_TYPE(entries[i].st_info) == STT_FUNC && address >= start &&
            address - start < entries[i].st_size && entries[i].st_name < symbols->names_bytes &&
            memchr(symbols->names + entries[i].st_name, '\0',
                   symbols->names_bytes - entries[i].st_name) != NULL) {
            *offset = address - start;
            return symbols->names + entries[i].st_name;
        }
    }
    return NULL;
}

void symbols_close(struct symbols *symbols)
{
    if (symbols->file != NULL) {
        void *map;

        memcpy(&map, &symbols->file, sizeof(map));
        munmap(map, symbols->file_bytes);
    }
    *symbols = (struct symbols){0};
}
