/* See resident.h. */
#include "base/resident.h"
#include "base/clock.h"
#include <link.h>
#include <malloc.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define UP_MS 1000        /* a start that takes longer is looked at again */
#define QUIET_MS 60000    /* between looks later on */
#define QUIET_PART 200    /* of the time, at most, does a process have the processor that does nothing */
#define WORKED_US 2000000 /* less has mapped what the next work needs again, and little else */

static bool is_relocated_text(const struct dl_phdr_info *object)
{
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_DYNAMIC)
            continue;
        for (const ElfW(Dyn) *row = (const void *)(object->dlpi_addr + part->p_vaddr); row->d_tag != DT_NULL;
             row++)
            if (row->d_tag == DT_TEXTREL || (row->d_tag == DT_FLAGS && (row->d_un.d_val & DF_TEXTREL)))
                return true;
    }
    return false;
}

/* The first page of the next part, whose mapping replaces ours where both have bytes. */
static uintptr_t next_begin(const struct dl_phdr_info *object, size_t at, uintptr_t page)
{
    for (size_t i = at + 1; i < object->dlpi_phnum; i++)
        if (object->dlpi_phdr[i].p_type == PT_LOAD)
            return (object->dlpi_addr + object->dlpi_phdr[i].p_vaddr) & ~(page - 1);
    return UINTPTR_MAX;
}

/* The loader's lock is held: no object goes away meanwhile. */
static int object_give_back(struct dl_phdr_info *object, size_t size, void *ctx)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), kernels = getauxval(AT_SYSINFO_EHDR);
    (void)size;
    (void)ctx;
    if ((kernels && object->dlpi_phdr == (const void *)(kernels + ((const ElfW(Ehdr) *)kernels)->e_phoff)) ||
        is_relocated_text(object))
        return 0;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t begin = (object->dlpi_addr + part->p_vaddr) & ~(page - 1);
        uintptr_t end = (object->dlpi_addr + part->p_vaddr + part->p_memsz + page - 1) & ~(page - 1);
        uintptr_t next = next_begin(object, i, page);
        if (end > next)
            end = next;
        if (part->p_type == PT_LOAD && !(part->p_flags & PF_W) && end > begin)
            (void)madvise((void *)begin, end - begin, MADV_DONTNEED); /* locked in memory: it stays */
    }
    return 0;
}

void resident_give_back(void)
{
    (void)malloc_trim(0);
    (void)dl_iterate_phdr(object_give_back, NULL);
}

bool resident_is_due(struct resident *resident, int64_t now_ms, int64_t cpu_us)
{
    int64_t passed_ms = now_ms - resident->at_ms, used_us = cpu_us - resident->cpu_us;
    bool first_look = resident->at_ms == 0;
    bool worked = resident->given_at_cpu_us == 0 || cpu_us - resident->given_at_cpu_us >= WORKED_US;
    resident->at_ms = now_ms;
    resident->cpu_us = cpu_us;
    if (first_look || !worked || used_us * QUIET_PART > passed_ms * 1000)
        return false;
    resident->given_at_cpu_us = cpu_us;
    return true;
}

static int64_t process_cpu_us(void)
{
    struct timespec used = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

int64_t resident_tend(struct resident *resident)
{
    int64_t now_ms = clock_mono_ms(), every_ms = resident->given_at_cpu_us == 0 ? UP_MS : QUIET_MS;
    if (resident->at_ms != 0 && now_ms - resident->at_ms < every_ms)
        return every_ms - (now_ms - resident->at_ms);
    if (resident_is_due(resident, now_ms, process_cpu_us()))
        resident_give_back();
    return resident->given_at_cpu_us == 0 ? UP_MS : QUIET_MS;
}
