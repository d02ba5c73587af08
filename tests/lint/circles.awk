# Reads edges, "from to label" a line, and prints what is in circles: for each strongly connected
# component of more than one name a line "circle NAME NAME ...", then its edges, a line "edge FROM TO LABELS" each.
{
    number(to_number[$1] ? "" : $1)
    number(to_number[$2] ? "" : $2)
    from = to_number[$1]
    to = to_number[$2]
    reaches[from, to] = 1
    if (labels[from, to] !~ "(^| )" $3 "( |$)")
        labels[from, to] = labels[from, to] (labels[from, to] == "" ? "" : " ") $3
}

function number(name)
{
    if (name != "") {
        to_number[name] = ++count
        names[count] = name
    }
}

END {
    for (via = 1; via <= count; via++)
        for (from = 1; from <= count; from++)
            if ((from, via) in reaches)
                for (to = 1; to <= count; to++)
                    if ((via, to) in reaches)
                        reaches[from, to] = 1
    for (one = 1; one <= count; one++) {
        if (one in seen)
            continue
        size = 0
        for (other = one; other <= count; other++)
            if (other == one || ((one, other) in reaches && (other, one) in reaches)) {
                members[++size] = other
                seen[other] = 1
            }
        if (size < 2)
            continue
        line = "circle"
        for (i = 1; i <= size; i++)
            line = line " " names[members[i]]
        print line
        for (i = 1; i <= size; i++)
            for (j = 1; j <= size; j++)
                if (i != j && (members[i], members[j]) in labels)
                    print "edge", names[members[i]], names[members[j]], labels[members[i], members[j]]
    }
}
