/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libsr: saves and restores Xen domains in libxc's migration stream. The only installed header.
 *
 * Conventions
 *  - Functions return 0, or -1 with errno set and *error filled in. `error` may be NULL.
 *  - Every struct that a caller passes starts with its own size: set `.size = sizeof(struct …)`,
 *    zero the rest. A library newer than the caller takes members that are not there as zero; one
 *    older than the caller refuses members it does not know unless they are zero.
 *  - All calls back come on the thread that called, between entry and return. None may call the
 *    library again with the same host, except sr_cancel().
 *  - A sr_host serves one thread at a time. Different hosts are independent of each other.
 *  - While it saves or restores, the library has a thread of its own that makes hypercalls and maps
 *    memory; it takes no signals. Handles that a caller lends must not be NON_REENTRANT ones, and the
 *    logger in them may be called from that thread.
 *  - Frame numbers (gfn) are machine frames for PV domains. Sizes and lengths are in octets.
 */
#ifndef SR_H
#define SR_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SR_EXPORT __attribute__((visibility("default")))
#else
#define SR_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct xc_interface_core;       /* xc_interface of <xenctrl.h> */
struct xenforeignmemory_handle; /* of <xenforeignmemory.h> */

/* The version of the library in use, such as "0.1.0". */
SR_EXPORT const char* sr_version(void);

/* ---- What went wrong ---------------------------------------------------------------------- */

enum sr_error_class {
    SR_ERROR_NONE = 0,
    SR_ERROR_MALFORMED = 1,   /* the stream breaks its specification */
    SR_ERROR_UNSUPPORTED = 2, /* correct, but not something this library or host can do */
    SR_ERROR_LIMIT = 3,       /* a bound was passed: a length, a count, a frame number */
    SR_ERROR_GUEST = 4,       /* the guest cannot be saved as it is, or did not do as asked */
    SR_ERROR_MISMATCH = 5,    /* stream and destination do not fit each other */
    SR_ERROR_HYPERVISOR = 6,  /* a call or foreign mapping failed, or memory ran out */
    SR_ERROR_IO = 7,          /* the descriptor failed, or the stream ended early */
    SR_ERROR_CANCELLED = 8,   /* sr_cancel() */
    SR_ERROR_CALLBACK = 9,    /* an operation of the caller answered "failed" or "abort" */
    SR_ERROR_USAGE = 10,      /* arguments that make no sense */
    SR_ERROR_INTERNAL = 11,   /* a defect of libsr */
    SR_ERROR_NO_MEMORY = 12
};

/* Who holds the guest once a call has returned. */
enum sr_guest_holder {
    SR_GUEST_UNTOUCHED = 0,      /* nothing was done to it: it is where and what it was */
    SR_GUEST_AT_SOURCE = 1,      /* in the source domain, which was asked to suspend, or did so by
                                    itself: resume that if it is suspended, or destroy it */
    SR_GUEST_IN_STREAM = 2,      /* only the stream (and its source) hold it: the destination domain
                                    is incomplete and must be destroyed */
    SR_GUEST_AT_DESTINATION = 3, /* complete in the destination domain, which may be unpaused */
    SR_GUEST_IN_DOUBT = 4        /* cannot be known here: ask the other side before any resume */
};

/* Filled in when a call fails. Numbers that do not apply are SR_NONE, strings "". */
struct sr_error {
    size_t size;
    enum sr_error_class error_class;
    int errnum; /* errno of the call that failed, or 0 */
    enum sr_guest_holder guest;
    uint32_t record_type; /* meaningful if `record` is not SR_NONE */
    uint64_t record;      /* index of the record in the stream, from 0 */
    uint64_t offset;      /* octets of the libxc stream before that record */
    uint64_t pfn;
    char call[64];      /* hypercall or library call: "XENMEM_populate_physmap" */
    char message[1024]; /* one sentence that says all of the above to a person */
};
#define SR_NONE UINT64_MAX

/* "malformed", "io", …; never NULL. */
SR_EXPORT const char* sr_error_class_name(enum sr_error_class error_class);

/* ---- The host ----------------------------------------------------------------------------- */

typedef struct sr_host sr_host;

struct sr_host_options {
    size_t size;
    /* Handles of the caller to work on; left open by sr_host_close(). NULL: opened here. */
    struct xc_interface_core* xch;
    struct xenforeignmemory_handle* fmem;
};

/* Opens the hypervisor beneath. `options` may be NULL. */
SR_EXPORT int sr_host_open(const struct sr_host_options* options, sr_host** host,
                           struct sr_error* error);
SR_EXPORT void sr_host_close(sr_host* host);

/* ---- Jobs: stopping one from outside -------------------------------------------------------- */

typedef struct sr_job sr_job;

/* A handle by which a running save or restore can be stopped. NULL with errno if there is none. */
SR_EXPORT sr_job* sr_job_new(void);
SR_EXPORT void sr_job_free(sr_job* job);

/* Makes the save or restore that runs with `job` fail with SR_ERROR_CANCELLED soon, also out of a
 * read or write that blocks on a pipe or socket. A job that is cancelled stays so. Safe in a signal
 * handler and from any thread. `job` may be NULL. */
SR_EXPORT void sr_cancel(sr_job* job);

/* ---- What save and restore share ------------------------------------------------------------ */

enum sr_log_level {
    SR_LOG_DEBUG = 0,
    SR_LOG_VERBOSE = 1,
    SR_LOG_INFO = 2,
    SR_LOG_WARNING = 3,
    SR_LOG_ERROR = 4
};

enum sr_stream_type {
    SR_STREAM_PLAIN = 0,
    SR_STREAM_REMUS = 1, /* checkpointed */
    SR_STREAM_COLO = 2   /* refused: not supported */
};

enum sr_phase {
    SR_PHASE_SETUP = 0,     /* headers, static data, the guest's p2m */
    SR_PHASE_LIVE = 1,      /* memory while the guest runs */
    SR_PHASE_MEMORY = 2,    /* memory of the suspended guest; on restore: all memory */
    SR_PHASE_COMPLETION = 3 /* vCPUs and the rest of the guest's state */
};

/* Where a job stands. Told for the first time before anything is read from the stream or written to
 * it: of what fails before, the stream is untouched too. */
struct sr_progress {
    size_t size;
    enum sr_phase phase;
    uint32_t round;         /* passes over memory before this one, of all checkpoints together */
    uint64_t pages_done;    /* of this pass: pfns looked at (save) or arrived (restore) */
    uint64_t pages_total;   /* of this pass; 0 if it cannot be known */
    uint64_t pages_sent;    /* pages with contents, of the whole job */
    uint64_t stream_octets; /* written or read so far, headers included */
    uint64_t elapsed_ns;    /* since the call began, monotonic */
    /* Save: page tables that the hypervisor reports though they are none (see enum sr_stale_types),
     * and how long it took to find them, while the guest stood still. 0 where none were looked for. */
    uint64_t stale_tables;
    uint64_t stale_types_ns;
};

/* ---- Save ----------------------------------------------------------------------------------- */

#define SR_SAVE_LIVE (1u << 0) /* send memory while the guest runs, then suspend it */
/* Send memory twice and have the receiver compare (debugging); plain streams only. The rings of xenstore
 * and console go once: their daemons may write at any time. So may backends of devices, to pages that the
 * guest granted to them, and Xen to pages where it announces events (vcpu_info, the event array of the FIFO
 * ABI): with I/O on its way pages may differ, and the receiver fail, though all is well. */
#define SR_SAVE_VERIFY (1u << 1)
/* Record the guest's grant table: what it needs of a destination, which a restore checks before any memory,
 * and its entries at suspend, which nobody restores. Other readers skip these two records; plain streams
 * only. Without this flag not one call is made about grants. */
#define SR_SAVE_GRANTS (1u << 2)

/* Xen before 4.16 reports pages of a PV guest as page tables that it does not vouch for any more: what
 * they were last. Translating such a page changes memory that the guest believes to be its own. So a
 * save can find out by itself which tables are in use: pinned, or led to from one that is, or from a
 * vCPU. That takes two more looks at the suspended guest: the type of each page, and the upper page
 * tables. */
enum sr_stale_types {
    SR_STALE_TYPES_AUTO = 0, /* if the hypervisor is older than 4.16 */
    SR_STALE_TYPES_ON = 1,   /* always: right on any hypervisor */
    SR_STALE_TYPES_OFF = 2   /* never: for an older one with the fix, Xen's commit 0a87e677f4f4 */
};

struct sr_save_options {
    size_t size;
    uint32_t flags; /* SR_SAVE_* */
    enum sr_stream_type stream_type;
    sr_job* job;         /* NULL: cannot be cancelled */
    int back_channel_fd; /* from the receiver, for streams that need one; -1 or 0: none */
    enum sr_stale_types stale_types;
    /* That the domain may use, 1 or 2, for SR_SAVE_GRANTS; 0: not known. */
    uint32_t max_grant_version;
    uint32_t reserved; /* 0 */
};

enum sr_suspend_result { SR_SUSPEND_FAILED = 0, SR_SUSPEND_DONE = 1 };
enum sr_checkpoint_result { SR_CHECKPOINT_STOP = 0, SR_CHECKPOINT_AGAIN = 1 };
enum sr_postcopy_result { SR_POSTCOPY_FAILED = 0, SR_POSTCOPY_DONE = 1 };

enum sr_precopy_decision {
    SR_PRECOPY_ABORT = -1,
    SR_PRECOPY_CONTINUE = 0, /* another round while the guest runs */
    SR_PRECOPY_STOP = 1      /* suspend it and finish */
};

struct sr_precopy_stats {
    size_t size;
    uint32_t iteration;     /* rounds done */
    uint64_t total_written; /* pages sent so far */
    int64_t dirty_count;    /* pages dirty now, before the first round all; -1 if not yet known */
};

/* What libsr asks of a toolstack that saves. An absent (NULL) operation has a meaning. */
struct sr_save_ops {
    size_t size;
    /* Suspend the guest; return when it has shut down for suspend. Absent: the domain must be
     * suspended already. Not called for a domain that is. Checkpointed streams need it, and call it
     * for each checkpoint. */
    enum sr_suspend_result (*suspend)(void* user);
    /* Resume the guest after a checkpoint, while its state is still on the way. Checkpointed streams
     * need it. From its first call on, a failure of the save leaves SR_GUEST_IN_DOUBT: whoever reads
     * the stream has a whole guest, and may let it run. */
    enum sr_postcopy_result (*postcopy)(void* user);
    /* The stream stands behind a CHECKPOINT record and is the caller's until this returns. Stop: the
     * save is over and has succeeded, with the guest running and no END in the stream. Checkpointed
     * streams need it. */
    enum sr_checkpoint_result (*checkpoint)(void* user);
    enum sr_checkpoint_result (*wait_checkpoint)(void* user); /* COLO's: never called */
    /* Have the device model track the memory it writes. 0 is success. HVM domains need it. */
    int (*switch_qemu_logdirty)(uint32_t domid, int enable, void* user);
    /* Another round? Asked before each round and after it, by a save that is live. What was dirty
     * when it was asked before a round is sent while the guest runs, also if it says to stop. Abort:
     * the save fails, and the guest runs on, untouched. Absent: the stock engine's rule (5 rounds, or
     * fewer than 50 pages dirty). */
    enum sr_precopy_decision (*precopy_policy)(const struct sr_precopy_stats* stats, void* user);
    void (*log)(enum sr_log_level level, const char* message, void* user);
    void (*progress)(const struct sr_progress* progress, void* user);
};

/* Writes the state of `domid` to `fd`, from the image header to END. The domain is left suspended,
 * on success and on failure (unless the error says SR_GUEST_UNTOUCHED, or `suspend` failed; and
 * checkpointed streams end while it runs); what becomes of it is the caller's choice. Log-dirty mode, if this turned it on, is off
 * in any case. That mode has one user: of two live or checkpointed saves of a domain at a time, whoever
 * makes them, both lose pages without a sign. `fd` is used as it is: its flags are not changed, and it
 * is not closed; a pipe is enlarged to 1 MiB where the system allows it.
 * `options` and `ops` may be NULL. */
SR_EXPORT int sr_save(sr_host* host, uint32_t domid, int fd, const struct sr_save_options* options,
                      const struct sr_save_ops* ops, void* user, struct sr_error* error);

/* ---- Restore -------------------------------------------------------------------------------- */

#define SR_MISSING_CPUID (1u << 0) /* the stream holds no CPUID policy */
#define SR_MISSING_MSRS (1u << 1)  /* the stream holds no MSR policy */

struct sr_restore_options {
    size_t size;
    uint32_t flags; /* none yet */
    enum sr_stream_type stream_type;
    sr_job* job;         /* NULL: cannot be cancelled */
    int back_channel_fd; /* to the sender, for streams that need one; -1 or 0: none */
    /* The domain's ends of the event channels of xenstore and console, and whose the other ends
     * are: written into the guest's start_info and its first two grant entries. */
    uint32_t store_evtchn;
    uint32_t store_domid;
    uint32_t console_evtchn;
    uint32_t console_domid;
    /* The version of grant tables that the domain may use, 1 or 2: no call tells it. A guest that uses
     * more is refused before any memory, if the stream says so (SR_SAVE_GRANTS). 0: not known. */
    uint32_t max_grant_version;
};

/* Frames that the toolstack hands to xenstored and to the console daemon: mfns of a PV domain. */
struct sr_restore_results {
    size_t size;
    uint64_t store_gfn;
    uint64_t console_gfn;
};

enum sr_restore_checkpoint_result {
    SR_RESTORE_CHECKPOINT_ERROR = 0,
    SR_RESTORE_CHECKPOINT_SUCCESS = 1,
    SR_RESTORE_CHECKPOINT_FAILOVER = 2
};

/* What libsr asks of a toolstack that restores. An absent (NULL) operation has a meaning. */
struct sr_restore_ops {
    size_t size;
    /* The static part of the stream has been applied, before any memory. `missing` is a set of
     * SR_MISSING_*. 0 is success. Absent: what is missing stays as the toolstack made it. */
    int (*static_data_done)(uint32_t missing, void* user);
    /* The stream stands behind a CHECKPOINT record and is the caller's until this returns. FAILOVER:
     * the sender was lost meanwhile. Checkpointed only, and required there. */
    enum sr_restore_checkpoint_result (*checkpoint)(void* user);
    enum sr_suspend_result (*suspend)(void* user);
    enum sr_postcopy_result (*postcopy)(void* user);
    enum sr_checkpoint_result (*wait_checkpoint)(void* user);
    /* Called once, when the domain is complete. Absent: the frames are in its start_info only. */
    void (*restore_results)(const struct sr_restore_results* results, void* user);
    void (*log)(enum sr_log_level level, const char* message, void* user);
    void (*progress)(const struct sr_progress* progress, void* user);
};

/* Reads a libxc stream from `fd`, positioned at its image header, into the domain `domid`: newly
 * created, paused, with its vCPUs and memory limit set and no memory yet. Reads up to the end of END
 * and no further; a pipe is enlarged to 1 MiB where the system allows it. The domain is left paused; after a failure it is incomplete and must be destroyed,
 * unless the error says SR_GUEST_UNTOUCHED: then it is what it was, which need not be a domain to
 * restore into. `options` and `ops` may be NULL.
 *
 * Of a checkpointed stream the domain is, from the first CHECKPOINT on, what it was at the last one
 * that arrived whole. If the stream breaks off or ends after that, or `checkpoint` answers FAILOVER, the
 * domain is completed from that checkpoint, which the log says and which is a success. The same holds if
 * the stream makes no sense, but only once it has ended: a sender that goes on may be well, and its guest
 * running. What still comes is dropped until the end, for which this waits; after 16 MiB it fails.
 * What fails on this side (a hypercall, memory, an operation that answers ERROR, sr_cancel()) is a failure
 * at any time, and so no sign that the sender is lost. Memory for the checkpoint that is on its way is
 * limited by what the domain may own. */
SR_EXPORT int sr_restore(sr_host* host, uint32_t domid, int fd,
                         const struct sr_restore_options* options, const struct sr_restore_ops* ops,
                         void* user, struct sr_error* error);

/* ---- A domain's grant table ------------------------------------------------------------------ */

enum sr_grant_kind { /* bits 1:0 of an entry's flags */
                     SR_GRANT_INVALID =
                         0, /* grants nothing; of version 2 it may still be mapped: see status */
                     SR_GRANT_ACCESS = 1,
                     SR_GRANT_TRANSFER = 2,
                     SR_GRANT_TRANSITIVE = 3
};

/* One entry of either version. What it does not have is 0. Never grows: a table holds an array of them. */
struct sr_grant_entry {
    uint32_t ref;   /* its index in the table */
    uint16_t flags; /* GTF_* of <xen/grant_table.h>, as they stand there */
    uint16_t domid; /* to whom */
    uint64_t frame; /* gfn as the guest wrote it; SR_NONE for kinds that have none */
    uint16_t page_offset;
    uint16_t length;      /* of the part of the page that is granted; version 2 with GTF_sub_page */
    uint16_t trans_domid; /* whose entry is passed on; version 2, transitive */
    /* Version 2: GTF_reading and GTF_writing, if the table says has_status. Version 1 has them in flags,
     * where they mean nothing in version 2. */
    uint16_t status;
    uint32_t trans_ref;
    enum sr_grant_kind kind;
    /* Of that frame, if flags ask for it; SR_NONE if it is not the domain's own memory. Of an HVM domain
     * it is the frame as the guest wrote it: nobody looks whether there is such a page. */
    uint64_t pfn;
};

struct sr_grant_table {
    size_t size;
    uint32_t version; /* 1 or 2 */
    uint32_t nr_frames;
    uint32_t max_frames;       /* to which it may grow */
    uint32_t nr_status_frames; /* of version 2, whether or not they were read; 0 for version 1 */
    uint32_t has_status;       /* 1: of version 2, and they were read; else 0 */
    size_t nr_entries;         /* those that are not empty, refs ascending */
    const struct sr_grant_entry* entries;
};

#define SR_GRANTS_STATUS (1u << 0) /* read the status of entries of version 2, too: see below */
/* Find each frame's pfn. Of a PV domain the M2P is mapped for that: 8 octets for each frame of the host. */
#define SR_GRANTS_PFNS (1u << 1)

/* Reads the grant table of a domain, which may run: an entry that it is just writing may be seen half
 * written. Nothing of it changes; the table does not grow. Status frames are mapped only for a domain of
 * version 2, and only if `flags` ask for them, for about as long as it takes to copy them. Meanwhile a PV
 * domain cannot go back to version 1. An HVM domain that tried would be crashed by Xen: its status is read
 * only while it is paused or shut down, and whoever has it so must leave it so meanwhile; else has_status
 * is 0. Give what *table then is to sr_grant_table_free(). */
SR_EXPORT int sr_grant_table_read(sr_host* host, uint32_t domid, uint32_t flags,
                                  struct sr_grant_table** table, struct sr_error* error);
SR_EXPORT void sr_grant_table_free(struct sr_grant_table* table);

#ifdef __cplusplus
}
#endif

#endif
