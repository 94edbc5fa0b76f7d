// SPDX-License-Identifier: LGPL-2.1-or-later
// The only process of a test guest: counts, dirties memory on each vCPU, and checks all that it ever wrote.
//
// work MEGABYTES TABLES PAGES: each vCPU rewrites PAGES pages a tick, of its share of MEGABYTES, each after a look at
// what it held. TABLES makes that many more page tables, by touching a page in each of as many stretches of 2 MiB.
// Prints "TICK n bad=B fpu=F" some five times a second: B pages were not as they had been written, and F times the
// vector registers were not what they had been before a sleep.

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { page_words = 512, page_shift = 12, table_shift = 21, marked_every = 16, shown_at_most = 8 };

static atomic_ulong bad_pages;
static unsigned long pages_a_tick;

// What one vCPU has in its care.
struct share {
    uint64_t* memory;
    uint64_t* wanted;  // of each page, what its words are made from
    unsigned long nr_pages;
    unsigned long next;
    int cpu;
};

static void* fresh_memory(unsigned long octets)
{
    void* memory = mmap(NULL, octets, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        perror("GUEST mmap");
        exit(1);
    }
    return memory;
}

static void write_page(uint64_t* page, uint64_t value)
{
    for (int i = 0; i < page_words; ++i) {
        page[i] = value ^ (uint64_t)i;
    }
}

static void check_page(const uint64_t* page, uint64_t value)
{
    for (int i = 0; i < page_words; ++i) {
        if (page[i] != (value ^ (uint64_t)i)) {
            if (atomic_fetch_add(&bad_pages, 1) < shown_at_most) {
                printf("BAD at %p: word %d is %#lx, not %#lx\n", (const void*)page, i, page[i],
                       value ^ (uint64_t)i);
            }
            return;
        }
    }
}

static void fill_share(struct share* share)
{
    share->memory = fresh_memory(share->nr_pages << page_shift);
    share->wanted = fresh_memory(share->nr_pages * sizeof(uint64_t));
    for (unsigned long i = 0; i < share->nr_pages; ++i) {
        share->wanted[i] = (i + 1) * 0x9e3779b97f4a7c15UL;
        write_page(share->memory + i * page_words, share->wanted[i]);
    }
}

static void work(struct share* share, uint64_t tick)
{
    for (unsigned long i = 0; i < pages_a_tick && share->nr_pages > 0; ++i) {
        uint64_t* page = share->memory + share->next * page_words;
        uint64_t* wanted = &share->wanted[share->next];
        check_page(page, *wanted);
        *wanted += 0x1234567 + tick;
        write_page(page, *wanted);
        share->next = (share->next + 1) % share->nr_pages;
    }
}

// The page tables: a page in each stretch is read, so that it is the kernel's page of zeros, some hold a mark.
struct tables {
    volatile uint64_t* start;
    unsigned long nr;
};

static volatile uint64_t* stretch(const struct tables* tables, unsigned long i)
{
    return tables->start + (i << table_shift) / sizeof(uint64_t);
}

static struct tables make_tables(unsigned long nr)
{
    struct tables tables = {.nr = nr};
    if (nr > 0) {
        void* memory = fresh_memory(nr << table_shift);
        madvise(memory, nr << table_shift, MADV_NOHUGEPAGE);
        tables.start = memory;
    }
    for (unsigned long i = 0; i < nr; ++i) {
        if (i % marked_every == 0) {
            *stretch(&tables, i) = ~i;
        } else {
            (void)*stretch(&tables, i);
        }
    }
    return tables;
}

static void check_tables(const struct tables* tables)
{
    for (unsigned long i = 0; i < tables->nr; ++i) {
        const uint64_t wanted = i % marked_every == 0 ? ~i : 0;
        if (*stretch(tables, i) != wanted && atomic_fetch_add(&bad_pages, 1) < shown_at_most) {
            printf("BAD in stretch %lu: %#lx, not %#lx\n", i, *stretch(tables, i), wanted);
        }
    }
}

#define EACH_REGISTER(DO)                                                                          \
    DO(0)                                                                                          \
    DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)
#define LOAD(n) "movdqa " #n "*16(%0), %%xmm" #n "\n"
#define STORE(n) "movdqa %%xmm" #n ", " #n "*16(%1)\n"

// Sleeps with known values in all vector registers; false if they were others afterwards.
static int registers_survive_sleep(long ns)
{
    static uint8_t before[256] __attribute__((aligned(16)));
    static uint8_t after[256] __attribute__((aligned(16)));
    const struct timespec duration = {.tv_nsec = ns};
    for (unsigned i = 0; i < sizeof(before); ++i) {
        before[i] = (uint8_t)(i * 37 + 11);
    }
    memset(after, 0, sizeof(after));
    // 35 is nanosleep.
    __asm__ volatile(
        EACH_REGISTER(
            LOAD) "mov $35, %%eax\nmov %2, %%rdi\nxor %%esi, %%esi\nsyscall\n" EACH_REGISTER(STORE)
        :
        : "r"(before), "r"(after), "r"(&duration)
        : "rax", "rdi", "rsi", "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
          "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
          "xmm15");
    return memcmp(before, after, sizeof(before)) == 0;
}

static void stay_on(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

static void* other_cpu(void* argument)
{
    struct share* share = argument;
    stay_on(share->cpu);
    for (uint64_t tick = 0;; ++tick) {
        work(share, tick);
        usleep(150000);
    }
    return NULL;
}

static void count(struct share* share, const struct tables* tables)
{
    unsigned long lost = 0;
    stay_on(share->cpu);
    for (uint64_t tick = 0;; ++tick) {
        work(share, tick);
        check_tables(tables);
        lost += !registers_survive_sleep(150000000);
        printf("TICK %lu bad=%lu fpu=%lu\n", tick, atomic_load(&bad_pages), lost);
    }
}

int main(int argc, char** argv)
{
    const unsigned long megabytes = argc > 1 ? strtoul(argv[1], NULL, 0) : 4;
    const unsigned long nr_tables = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
    pages_a_tick = argc > 3 ? strtoul(argv[3], NULL, 0) : 64;
    setvbuf(stdout, NULL, _IOLBF, 0);

    const long nr_cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct share* shares = calloc((size_t)nr_cpus, sizeof(*shares));
    for (long cpu = 0; cpu < nr_cpus; ++cpu) {
        shares[cpu].cpu = (int)cpu;
        shares[cpu].nr_pages = (megabytes << (20 - page_shift)) / (unsigned long)nr_cpus;
        fill_share(&shares[cpu]);
    }
    const struct tables tables = make_tables(nr_tables);
    printf("GUEST works on %lu MiB and %lu page tables with %ld vCPUs\n", megabytes, nr_tables,
           nr_cpus);
    for (long cpu = 1; cpu < nr_cpus; ++cpu) {
        pthread_t thread;
        pthread_create(&thread, NULL, other_cpu, &shares[cpu]);
    }
    count(&shares[0], &tables);
    return 0;
}
