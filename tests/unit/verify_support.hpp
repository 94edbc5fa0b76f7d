// SPDX-License-Identifier: LGPL-2.1-or-later
// Golden streams taken apart and put together otherwise, for tests of verify.
#pragma once

#include "libsr/verify/verify.hpp"
#include "libsr/wire/records.hpp"
#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sr::test {

inline VerifyReport verify(const Octets& octets, const VerifyOptions& options = {})
{
    MemorySource source{octets};
    return verify_stream(source, options);
}

/// A golden stream taken apart into its headers (part 0) and records, to be put together otherwise.
class Parts {
public:
    explicit Parts(const std::string& name)
    {
        const Octets octets = golden(name);
        std::size_t at = 40;
        parts_.emplace_back(octets.begin(), octets.begin() + 40);
        while (at < octets.size()) {
            const std::uint32_t length = load<RecordHeader>(octets, at).length.value();
            const std::size_t next = at + 8 + length + padding_of(length);
            parts_.emplace_back(octets.data() + at, octets.data() + next);
            at = next;
        }
    }

    static constexpr std::size_t headers = 0;

    /// The first part that is a record of this type.
    std::size_t find(RecordType type) const
    {
        for (std::size_t i = 1; i < parts_.size(); ++i) {
            if (load<RecordHeader>(parts_[i], 0).type.value() == to_wire(type)) {
                return i;
            }
        }
        throw std::runtime_error("no such record");
    }

    Parts& change(std::size_t part, std::size_t at, const std::string& hex)
    {
        const Octets other = octets_of_hex(hex);
        std::copy(other.begin(), other.end(),
                  parts_.at(part).begin() + static_cast<std::ptrdiff_t>(at));
        return *this;
    }
    /// Changes a record's body.
    Parts& change(RecordType type, std::size_t at, const std::string& hex)
    {
        return change(find(type), 8 + at, hex);
    }
    Parts& replace(RecordType type, Octets record)
    {
        parts_[find(type)] = std::move(record);
        return *this;
    }
    Parts& insert_before(RecordType type, Octets record)
    {
        parts_.insert(parts_.begin() + static_cast<std::ptrdiff_t>(find(type)), std::move(record));
        return *this;
    }
    Parts& erase(RecordType type)
    {
        parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(find(type)));
        return *this;
    }
    Parts& append(Octets octets)
    {
        parts_.push_back(std::move(octets));
        return *this;
    }

    Octets whole() const
    {
        Octets all;
        for (const Octets& part : parts_) {
            all.insert(all.end(), part.begin(), part.end());
        }
        return all;
    }
    VerifyReport verify() const { return test::verify(whole()); }

private:
    std::vector<Octets> parts_;
};

/// "error semantic: sentence" for each finding.
inline std::vector<std::string> lines(const VerifyReport& report)
{
    std::vector<std::string> all;
    for (const Finding& finding : report.findings) {
        all.push_back(std::string{to_string(finding.severity)} + " " + to_string(finding.kind) +
                      ": " + finding.sentence);
    }
    return all;
}

using Lines = std::vector<std::string>;

/// Expects one finding, which says this.
inline void expect_one(const VerifyReport& report, const std::string& line)
{
    EXPECT_EQ(lines(report), Lines{line});
}

/// Octets of page contents in the first PAGE_DATA body of pv_stream.hex, by number of the page that has some.
constexpr std::size_t page_at(std::size_t number, std::size_t octet = 0)
{
    return 8 + 9 * 8 + number * 4096 + octet;
}

}  // namespace sr::test
