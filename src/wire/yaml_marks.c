/* Where each value of a document stood: an open-addressing table from a path's hash to its line. A path is
 * hashed step by step while reading, so that no path is ever spelled out. Two paths with one hash would give
 * a wrong line in a message, nothing worse. */
#include "base/mem.h"
#include "wire/yaml_internal.h"
#include <stdio.h>

struct mark {
    uint64_t path; /* 0: free */
    int line;
};

struct yaml_marks {
    struct mark *slots;
    size_t size; /* a power of two */
    size_t used;
};

static uint64_t hash_more(uint64_t hash, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

uint64_t yaml_step(uint64_t path, struct str step)
{
    return hash_more(hash_more(path, "/", 1), step.ptr, step.len);
}

uint64_t yaml_step_index(uint64_t path, size_t index)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%zu", index);

    return yaml_step(path, (struct str){digits, (size_t)len});
}

static struct mark *slot_of(const struct yaml_marks *marks, uint64_t path)
{
    size_t i = (size_t)path & (marks->size - 1);

    while (marks->slots[i].path && marks->slots[i].path != path)
        i = (i + 1) & (marks->size - 1);
    return &marks->slots[i];
}

static int grow(struct yaml_marks *marks)
{
    struct yaml_marks bigger = {.size = marks->size ? marks->size * 2 : 64, .used = marks->used};

    bigger.slots = mem_alloc(bigger.size * sizeof(*bigger.slots));
    if (!bigger.slots)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < marks->size; i++)
        if (marks->slots[i].path)
            *slot_of(&bigger, marks->slots[i].path) = marks->slots[i];
    free(marks->slots);
    *marks = bigger;
    return 0;
}

int yaml_marks_new(struct yaml_marks **ret)
{
    struct yaml_marks *marks = mem_alloc(sizeof(*marks));

    if (!marks || grow(marks)) {
        free(marks);
        return FAULT(ENOMEM);
    }
    *ret = marks;
    return 0;
}

int yaml_mark(struct yaml_marks *marks, uint64_t path, int line)
{
    if (marks->used * 2 >= marks->size && grow(marks))
        return FAULT(ENOMEM);
    struct mark *slot = slot_of(marks, path);
    if (!slot->path)
        marks->used++;
    *slot = (struct mark){path, line};
    return 0;
}

int yaml_line(const struct yaml_marks *marks, const char *path)
{
    if (!marks)
        return 0;
    uint64_t hash = YAML_ROOT;
    for (struct str rest = str_of(path); rest.len;)
        hash = yaml_step(hash, str_split(&rest, '/'));
    return slot_of(marks, hash)->line;
}

void yaml_marks_free(struct yaml_marks **marks)
{
    if (*marks)
        free((*marks)->slots);
    free(*marks);
    *marks = NULL;
}
