// SPDX-License-Identifier: LGPL-2.1-or-later
// The calls that a mapping of the real /dev/xen/privcmd refuses.
#pragma once

namespace fakexen {

/// Puts a seccomp filter on the process, threads and later children included, under which calls fail that need the pages
/// behind an address (get_user_pages): real foreign mappings have none to give, so the kernel answers EFAULT.
///
/// A filter sees numbers, not memory, so it refuses these calls on any memory: vmsplice, process_vm_readv and _writev,
/// sends with MSG_ZEROCOPY and io_uring's registered buffers with EFAULT; O_DIRECT where a file is opened or set to it,
/// with EINVAL, as a file system does that cannot do it; openat2, whose flags it does not see, with ENOSYS.
/// @return 0 or an errno value
[[nodiscard]] int refuse_get_user_pages() noexcept;

}  // namespace fakexen
