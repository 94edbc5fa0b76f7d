// SPDX-License-Identifier: LGPL-2.1-or-later
// The filter as a table of rules, and its translation: seccomp(2). System calls of other architectures' numbering are
// not told apart: nothing here makes any.
#include "tests/fakexen/lib/gup_filter.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fakexen {
namespace {

enum class Test : std::uint8_t { always, equals, has_bits };

/// What an argument (its low 32 bits) must be for a rule to hold.
struct Condition {
    Test test = Test::always;
    unsigned argument = 0;
    std::uint32_t value = 0;
};

/// A system call that fails with `errnum` if both conditions hold.
struct Rule {
    long number = 0;
    int errnum = 0;
    Condition first{};
    Condition second{};
};

constexpr Condition has_bits(unsigned argument, std::uint32_t value)
{
    return {Test::has_bits, argument, value};
}

constexpr Condition equals(unsigned argument, std::uint32_t value)
{
    return {Test::equals, argument, value};
}

constexpr Rule rules[] = {
    {SYS_vmsplice, EFAULT},
    {SYS_process_vm_readv, EFAULT},
    {SYS_process_vm_writev, EFAULT},
    {SYS_open, EINVAL, has_bits(1, O_DIRECT)},
    {SYS_openat, EINVAL, has_bits(2, O_DIRECT)},
    {SYS_openat2, ENOSYS},
    {SYS_fcntl, EINVAL, equals(1, F_SETFL), has_bits(2, O_DIRECT)},
    {SYS_sendto, EFAULT, has_bits(3, MSG_ZEROCOPY)},
    {SYS_sendmsg, EFAULT, has_bits(2, MSG_ZEROCOPY)},
    {SYS_sendmmsg, EFAULT, has_bits(3, MSG_ZEROCOPY)},
    {SYS_io_uring_register, EFAULT, equals(1, IORING_REGISTER_BUFFERS)},
    {SYS_io_uring_register, EFAULT, equals(1, IORING_REGISTER_BUFFERS2)},
    {SYS_io_uring_register, EFAULT, equals(1, IORING_REGISTER_BUFFERS_UPDATE)},
};

/// A program under construction. It has room for every rule with two conditions.
class Program {
public:
    void load(std::size_t offset)
    {
        add({BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)});
    }
    /// Goes on with the next instruction if the test holds, else leaves out `otherwise` of them.
    void jump(unsigned comparison, std::uint32_t value, std::size_t otherwise)
    {
        add({static_cast<std::uint16_t>(BPF_JMP | comparison | BPF_K), 0,
             static_cast<std::uint8_t>(otherwise), value});
    }
    void answer(std::uint32_t action) { add({BPF_RET | BPF_K, 0, 0, action}); }

    [[nodiscard]] sock_fprog finished() noexcept
    {
        return {static_cast<std::uint16_t>(size_), instructions_.data()};
    }

private:
    void add(const sock_filter& instruction) { instructions_.at(size_++) = instruction; }

    std::array<sock_filter, std::size(rules) * 7 + 1> instructions_{};
    std::size_t size_ = 0;
};

void add_rule(Program& program, const Rule& rule)
{
    std::size_t left = 1;  // instructions of this rule behind the current test
    for (const Condition& condition : {rule.first, rule.second}) {
        left += condition.test != Test::always ? 2 : 0;
    }
    program.load(offsetof(seccomp_data, nr));
    program.jump(BPF_JEQ, static_cast<std::uint32_t>(rule.number), left);
    for (const Condition& condition : {rule.first, rule.second}) {
        if (condition.test == Test::always) {
            continue;
        }
        left -= 2;
        program.load(offsetof(seccomp_data, args) + condition.argument * sizeof(std::uint64_t));
        program.jump(condition.test == Test::equals ? BPF_JEQ : BPF_JSET, condition.value, left);
    }
    program.answer(SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(rule.errnum));
}

}  // namespace

int refuse_get_user_pages() noexcept
{
    Program program;
    for (const Rule& rule : rules) {
        add_rule(program, rule);
    }
    program.answer(SECCOMP_RET_ALLOW);
    const sock_fprog filter = program.finished();
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0) {
        return errno;
    }
    return 0;
}

}  // namespace fakexen
