// The page: GraphiQL with its explorer, and a bar to choose who asks and whether the cost is shown.
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { useMemo, useState } from "react";
import { makeFetcher } from "./fetcher.js";

// GraphiQL keeps its tabs between visits, but fills the editors from these properties alone.
function openingContents(tabs) {
  const kept = JSON.parse(window.localStorage.getItem("graphiql:tabState"));
  const tab = kept ? kept.tabs[kept.activeTabIndex] : tabs[0];
  return {
    initialQuery: tab?.query ?? undefined,
    initialVariables: tab?.variables ?? undefined,
    initialHeaders: tab?.headers ?? undefined,
  };
}

const PLUGINS = [explorerPlugin({ showAttribution: false }), HISTORY_PLUGIN];

function RolePicker({ tokens, role, onPick }) {
  return (
    <label>
      as{" "}
      <select value={role} onChange={(event) => onPick(event.target.value)}>
        {tokens.map((each) => (
          <option key={each.role}>{each.role}</option>
        ))}
        <option value="">nobody</option>
      </select>
    </label>
  );
}

export function Page({ setup }) {
  const { endpoint, tabs, tokens } = setup;
  const [role, setRole] = useState(tokens[0]?.role ?? "");
  const [showsCost, setShowsCost] = useState(false);
  const token = tokens.find((each) => each.role === role)?.token;
  const fetcher = useMemo(
    () => makeFetcher({ endpoint, token, showsCost }),
    [endpoint, token, showsCost],
  );

  return (
    <GraphiQL
      fetcher={fetcher}
      plugins={PLUGINS}
      defaultTabs={tabs.length > 0 ? tabs : undefined}
      shouldPersistHeaders={false} // they hold tokens
      {...openingContents(tabs)}
      isHeadersEditorEnabled
    >
      <GraphiQL.Logo>
        <div className="bar">
          {tokens.length > 0 && <RolePicker tokens={tokens} role={role} onPick={setRole} />}
          <label title="What each backend was asked, how long it took, what came from the cache">
            <input
              type="checkbox"
              checked={showsCost}
              onChange={(event) => setShowsCost(event.target.checked)}
            />{" "}
            show cost
          </label>
          <strong>Supplygraph</strong>
        </div>
      </GraphiQL.Logo>
    </GraphiQL>
  );
}
