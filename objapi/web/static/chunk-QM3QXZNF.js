function n(e){let i=t=>t.name==="title"?0:t.common?2:1;return[...e].sort((t,r)=>i(t)-i(r))}export{n as a};
