#!/bin/bash
# Write the completion of bash for both programs, from what they say with --help and the table of
# commands.
#     completion.sh BINDIR COMMANDS
set -eu
bin=$1
commands=$2

flags() {
    "$bin/$1" --help | grep -oE '^  +-[^[:space:]]+(, --?[a-z][a-z-]*)*' | tr -d ',' | tr -s ' ' '\n' |
        grep '^-' | sort -u | tr '\n' ' '
}

cat <<END
# Completion of bash for starling-server and starling-cli.
_starling_server() {
    local word=\${COMP_WORDS[COMP_CWORD]}
    case \$word in
    -*) COMPREPLY=(\$(compgen -W "$(flags starling-server)--check-config --help --version" -- "\$word")) ;;
    *) COMPREPLY=(\$(compgen -f -- "\$word")) ;;
    esac
}
complete -o filenames -F _starling_server starling-server

_starling_cli() {
    local word=\${COMP_WORDS[COMP_CWORD]} last=\${COMP_WORDS[COMP_CWORD-1]}
    case \$word in
    -*) COMPREPLY=(\$(compgen -W "$(flags starling-cli)" -- "\$word")) ; return ;;
    esac
    case \${last,,} in
$(awk 'NF == 2 { subs[$1] = subs[$1] " " $2 }
       END { for (name in subs) printf "    %s) COMPREPLY=($(compgen -W \"%s\" -- \"${word,,}\")) ;;\n", name, substr(subs[name], 2) }' "$commands" | sort)
    *) COMPREPLY=(\$(compgen -W "$(awk 'NF == 1' "$commands" | tr '\n' ' ')" -- "\${word,,}")) ;;
    esac
}
complete -F _starling_cli starling-cli
END
